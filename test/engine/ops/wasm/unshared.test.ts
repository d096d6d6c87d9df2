/** Tests the kernels with memory that is not shared, as in a web page without isolation. */
import { afterEach, expect, test, vi } from "vitest";
import { wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { unshared } from "../../../../engine/ops/wasm/unshared.ts";
import { trace } from "../../../../engine/trace/trace.ts";
import { randomTokens } from "../../../support/random.ts";
import { tinyModel } from "../../../support/tiny-model.ts";
import { kernelBytes } from "./wasm.ts";

afterEach(() => vi.unstubAllGlobals());

const tokens = randomTokens(20, 32, 3);
const bits = async () => {
  const start = vi.fn();
  const ops = await wasmOps(kernelBytes(), { memoryBytes: 2 ** 24, threads: { count: 4, start } });
  return { start, stages: trace(tinyModel({}, ops), { tokens, mtpSteps: 1 }), ops };
};

test("a runtime without SharedArrayBuffer gets one thread and the same bits", async () => {
  const alone = await wasmOps(kernelBytes(), { memoryBytes: 2 ** 24 });
  const want = trace(tinyModel({}, alone), { tokens, mtpSteps: 1 });
  vi.stubGlobal("SharedArrayBuffer", undefined);
  const { start, stages, ops } = await bits();
  expect(start).not.toHaveBeenCalled();
  expect(ops.rowMemory().bytes.buffer).toBeInstanceOf(ArrayBuffer);
  expect(stages).toEqual(want);
});

test("the module as it is does not take memory that is not shared", async () => {
  const memory = new WebAssembly.Memory({ initial: 100, maximum: 100 });
  const imports = { env: { memory }, tiles: { WIDE: 0 } };
  const shared = await WebAssembly.compile(kernelBytes());
  expect(() => new WebAssembly.Instance(shared, imports)).toThrow(WebAssembly.LinkError);
  const module = await WebAssembly.compile(unshared(kernelBytes()));
  expect(() => new WebAssembly.Instance(module, imports)).not.toThrow();
});

test("a module without an imported memory is refused", () => {
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 2, 1, 0);
  expect(() => unshared(empty)).toThrow("expected a module that imports its memory");
});
