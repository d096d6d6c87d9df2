/** A pass through the layers of a model: put aside anywhere, it ends in the same bytes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Model } from "../../../engine/index.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { memorySource } from "../../../engine/weights/byte-source.ts";
import { readHeader } from "../../../engine/weights/safetensors.ts";
import { openModel } from "../../../tools/node/open.ts";
import { writePass } from "../../../tools/stream/pass-folder.ts";
import type { PassOrigin } from "../../../tools/stream/pass-state.ts";

const MODEL = new URL("../../../golden/cases/fp8-blocks/model", import.meta.url).pathname;
const TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];

const folders: string[] = [];
const folder = (): string => {
  folders.push(mkdtempSync(join(tmpdir(), "pass-")));
  return folders.at(-1) as string;
};
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true });
});

const origin = (model: Model, more: Partial<PassOrigin> = {}): PassOrigin => ({
  engine: "test",
  model: "fp8-blocks",
  configSha256: "c",
  filesSha256: "f",
  tokens: TOKENS,
  backend: "wasm",
  precision: "f32",
  activations: "f32",
  latentEps: model.config.latentNormEps,
  command: "test",
  hasEnd: true,
  ...more,
});

const stream = { ram: 2 ** 28, expertsPerLayer: 0 };

async function opened<T>(isStreamed: boolean, use: (model: Model) => Promise<T>): Promise<T> {
  const { model, close } = await openModel(MODEL, {
    threads: 1,
    mtp: "skip",
    ...(isStreamed && { stream }),
  });
  try {
    return await use(model);
  } finally {
    await close();
  }
}

const filesOf = (path: string): Map<string, string> =>
  new Map(readdirSync(path).map((name) => [name, readFileSync(join(path, name), "base64")]));

describe("a pass", () => {
  test("of a streamed model is that of one in memory, and holds the stages of a trace", async () => {
    const [a, b] = [folder(), folder()];
    const want = await opened(false, async (model) => {
      const summary = await writePass(model, a, { origin: origin(model) });
      expect(summary).toMatchObject({ layers: model.config.numHiddenLayers, isWhole: true });
      return trace(model, { tokens: TOKENS });
    });
    await opened(true, (model) => writePass(model, b, { origin: origin(model) }));
    expect(filesOf(b)).toEqual(filesOf(a));

    const traced = want.find(({ name }) => name === "l_out-1");
    const file = new Uint8Array(readFileSync(join(b, "layer-001.safetensors")));
    const { tensors } = await readHeader(memorySource("layer", file));
    const { offset, length } = tensors.get("l_out-1") ?? { offset: 0, length: 0 };
    const bytes = file.slice(offset, offset + length);
    expect(new Float32Array(bytes.buffer)).toEqual(traced?.data);
  });

  test("that is put aside after any layer ends in the same bytes", async () => {
    await opened(true, async (model) => {
      const whole = folder();
      await writePass(model, whole, { origin: origin(model) });
      for (let stop = 1; stop < model.config.numHiddenLayers; stop++) {
        const path = folder();
        const abort = new AbortController();
        const onProgress = (done: number) => done === stop && abort.abort();
        const aside = writePass(model, path, {
          ...{ origin: origin(model), onProgress, signal: abort.signal },
        });
        await expect(aside).rejects.toThrow();
        expect(readdirSync(path)).toHaveLength(stop + 1); // layers, and the state
        await writePass(model, path, { origin: origin(model), resume: true });
        expect(filesOf(path)).toEqual(filesOf(whole));
      }
    });
  });

  test("goes on with nothing else, and only when it is asked to", async () => {
    await opened(true, async (model) => {
      const path = folder();
      const abort = new AbortController();
      const onProgress = () => abort.abort();
      const { signal } = abort;
      await writePass(model, path, { origin: origin(model), onProgress, signal }).catch(() => {});
      const again = (more: Partial<PassOrigin>, resume: boolean) =>
        writePass(model, path, { origin: origin(model, more), resume });
      await expect(again({}, false)).rejects.toThrow("holds a pass: --resume goes on with it");
      await expect(again({ tokens: [...TOKENS, 1] }, true)).rejects.toThrow(
        "tokens: the pass was begun",
      );
      await expect(again({ filesSha256: "g" }, true)).rejects.toThrow("files_sha256");
      await expect(again({ backend: "reference" }, true)).rejects.toThrow("backend");
      // Half of a state is no state: the safetensors reader says so.
      const state = join(path, "state.safetensors");
      writeFileSync(state, readFileSync(state).subarray(0, 100));
      await expect(again({}, true)).rejects.toThrow("state.safetensors");
    });
  });
});
