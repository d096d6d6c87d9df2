/**
 * Wider vectors: V8 12.8 and later (Node 24) can compile pairs of 128-bit instructions to 256-bit
 * ones. Lanes stay apart, so no bit changes; mat-mul becomes about half as fast again. V8 calls it
 * experimental, so it is used only where a self-test gives the bits that all runtimes give.
 * @module
 */
import { arch, versions } from "node:process";
import { setFlagsFromString } from "node:v8";
import { wasmOps } from "../../engine/ops/wasm/index.ts";

/** The first Node whose V8 does it. */
const FIRST_NODE = 24;

const FLAG = "experimental-wasm-revectorize";

/** An empty custom section: V8 shares code among equal modules, and this one must be compiled anew. */
const MARK = [0, 6, 5, ...new TextEncoder().encode("turbo")];

/** What {@link selfTest} gives without wide vectors, in every runtime. */
export const SELF_TEST_HASH = 3868847089;

/** Whether wide vectors are used, and why not. */
export type Turbo = "on" | "not in this runtime" | "off: the self-test gave other bits";

/** Turns wide vectors on for modules that are compiled from now on. */
export async function turnTurboOn(kernels: Uint8Array<ArrayBuffer>): Promise<Turbo> {
  const major = Number(versions.node.split(".")[0]);
  const { deno } = versions;
  if (deno !== undefined || major < FIRST_NODE || arch !== "x64") {
    return "not in this runtime";
  }
  setFlagsFromString(`--${FLAG}`);
  if ((await selfTest(kernels)) === SELF_TEST_HASH) return "on";
  setFlagsFromString(`--no-${FLAG}`);
  return "off: the self-test gave other bits";
}

/** FNV-1a of the bits of some products, repeated until the kernels have met V8's best compiler. */
export async function selfTest(kernels: Uint8Array<ArrayBuffer>): Promise<number> {
  const marked = new Uint8Array([...kernels, ...MARK]);
  const ops = await wasmOps(marked, { memoryBytes: 2 ** 21, isWide: true });
  let hash = 0x811c9dc5;
  for (const [nT, nO, nI] of [
    [1, 67, 160],
    [9, 67, 336],
  ]) {
    const numbers = (n: number) =>
      Float32Array.from({ length: n }, (_, i) => ((i * 37) % 101) / 64 - 0.7);
    const bytes = new Uint8Array(numbers(nO * nI).buffer);
    const w = ops.place(["o", "i"], [nO, nI], { dtype: "F32", shape: [nO, nI], bytes });
    const x = ops.tensor(["t", "i"], [nT, nI], numbers(nT * nI));
    const mark = ops.mark();
    for (let round = 0; round < 100; round++) {
      const y = Float32Array.from(ops.linear(x, w).data);
      if (round % 33 === 0) {
        for (const bits of new Uint32Array(y.buffer)) hash = Math.imul(hash ^ bits, 0x01000193);
      }
      ops.release(mark);
    }
  }
  return hash >>> 0;
}
