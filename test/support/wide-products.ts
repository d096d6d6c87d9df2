/**
 * Hashes of products in all formats, in whatever way this process compiles WebAssembly. As a program it
 * prints them, with the kernels for wide vectors.
 * @module
 */
import { readFileSync } from "node:fs";
import { argv, stdout } from "node:process";
import { pathToFileURL } from "node:url";
import { encodeF32, toBf16, toF16 } from "../../engine/numbers/formats.ts";
import { rawGroups, toGroups } from "../../engine/numbers/groups.ts";
import type { RawTensor } from "../../engine/numbers/raw-tensor.ts";
import { wasmOps } from "../../engine/ops/wasm/index.ts";
import { quantizeBlocks } from "../../engine/weights/quantize.ts";
import { gaussians } from "./random.ts";

const KERNELS = new URL("../../kernels-as/build/kernels.wasm", import.meta.url);

/** One token; few; and so many that each kernel takes its way for many. Neither panels nor tiles are whole. */
const SHAPES = [
  [1, 67, 160],
  [7, 35, 544],
  [19, 35, 544],
] as const;

function formats(nO: number, nI: number): RawTensor[] {
  const shape = [nO, nI] as const;
  const w = gaussians(nO * nI, nI);
  const halves = (of: (x: number) => number) => new Uint8Array(Uint16Array.from(w, of).buffer);
  return [
    encodeF32(shape, w),
    { dtype: "BF16", shape, bytes: halves(toBf16) },
    { dtype: "F16", shape, bytes: halves(toF16) },
    quantizeBlocks(nO, nI, w),
    rawGroups("q8", shape, toGroups("q8", w)),
    rawGroups("q4", shape, toGroups("q4", w)),
  ];
}

/** FNV-1a of the bits of each product, by its name. */
export async function productHashes(isWide: boolean): Promise<Record<string, number>> {
  const kernels = new Uint8Array(readFileSync(KERNELS));
  const hashes: Record<string, number> = {};
  for (const activations of ["f32", "int8"] as const) {
    const ops = await wasmOps(kernels, { memoryBytes: 2 ** 24, activations, isWide });
    for (const [nT, nO, nI] of SHAPES) {
      const x = ops.tensor(["t", "i"], [nT, nI], gaussians(nT * nI, 1));
      for (const raw of formats(nO, nI)) {
        const { data } = ops.linear(x, ops.place(["o", "i"], [nO, nI], raw));
        let hash = 0x811c9dc5;
        for (const bits of new Uint32Array(Float32Array.from(data).buffer)) {
          hash = Math.imul(hash ^ bits, 0x01000193);
        }
        hashes[`${nT} × ${nI} by ${nO}, ${raw.dtype}, activations ${activations}`] = hash >>> 0;
      }
    }
  }
  return hashes;
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  stdout.write(JSON.stringify(await productHashes(true)));
}
