/** Both halves of kv_b_proj, placed by kernels: the bits of halves that are cut in JavaScript, and widened first. */
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../../../engine/base/tensor.ts";
import type { KvUpWeights, Ops, Shelf } from "../../../../engine/index.ts";
import { toBf16, toF16 } from "../../../../engine/numbers/formats.ts";
import { rawGroups, toGroups } from "../../../../engine/numbers/groups.ts";
import type { RawTensor } from "../../../../engine/numbers/raw-tensor.ts";
import { splitKvB } from "../../../../engine/numbers/split-kv-b.ts";
import { quantizeBlocks } from "../../../../engine/weights/quantize.ts";
import { gaussians, random } from "../../../support/random.ts";
import { fastOps, watchedOps } from "./wasm.ts";

/** Heads of 112 rows begin at 0, 112, 96, 80, 64 of a block of 128, so the keys of some are in two blocks. */
const SIZES = { nH: 5, nope: 64, v: 48, kvLora: 160 } as const;

type Sizes = { readonly [K in keyof typeof SIZES]: number };

const FORMATS = ["F32", "BF16", "F16", "F8_E4M3", "Q8", "Q4"] as const;

function stored(format: (typeof FORMATS)[number], { nH, nope, v, kvLora }: Sizes): RawTensor {
  const shape = [nH * (nope + v), kvLora];
  const values = gaussians(shape[0] * shape[1], 4);
  if (format === "F8_E4M3") return quantizeBlocks(shape[0], shape[1], values);
  if (format === "Q8" || format === "Q4") {
    const group = format === "Q8" ? "q8" : "q4";
    return rawGroups(group, shape, toGroups(group, values));
  }
  const halfs = (toBits: (x: number) => number) => Uint16Array.from(values, toBits);
  const numbers = format === "F32" ? values : halfs(format === "F16" ? toF16 : toBf16);
  return { dtype: format, shape, bytes: new Uint8Array(numbers.buffer) };
}

/** Cut, widened where that cannot be avoided, and placed as two parameters. */
function cut(ops: Ops, raw: RawTensor, { nH, nope, v, kvLora }: Sizes): KvUpWeights {
  const { kUp, vUp } = splitKvB(raw, nH, nope, v);
  return {
    kUp: ops.place(["H", "kvLora", "nope"], [nH, kvLora, nope], kUp),
    vUp: ops.place(["H", "v", "kvLora"], [nH, v, kvLora], vUp),
  };
}

/** What a query of `nT` tokens gives with each half. */
function results(ops: Ops, { kUp, vUp }: KvUpWeights, nT: number, { nH, nope, kvLora }: Sizes) {
  const q = random(ops, ["T", "H", "nope"], [nT, nH, nope], nT);
  const o = random(ops, ["T", "H", "kvLora"], [nT, nH, kvLora], nT + 1);
  const bits = ({ data }: Tensor) => new Int32Array(Float32Array.from(data).buffer);
  return [bits(ops.perHead(q, kUp)), bits(ops.perHead(o, vUp))];
}

/** The bytes on a shelf, as a read leaves them: anywhere in a block of the disk. */
function read(shelf: Shelf, raw: RawTensor): RawTensor {
  const bytes = shelf.room(raw.bytes.length, 1237);
  bytes.set(raw.bytes);
  return { ...raw, bytes };
}

describe.each(FORMATS)("kv_b_proj in %s", (format) => {
  it("gives the same bits, from memory of JavaScript and where it was read", async () => {
    const ops = await fastOps();
    const raw = stored(format, SIZES);
    const { nH, nope, v } = SIZES;
    const shelf = ops.shelf();
    const want = cut(ops, raw, SIZES);
    const here = ops.placeKvB?.(raw, nH, nope, v);
    const there = shelf.placeKvB?.(read(shelf, raw), nH, nope, v);
    if (!here || !there) throw new Error("expected both halves");
    for (const nT of [1, 2, 9]) {
      const bits = results(ops, want, nT, SIZES);
      expect(results(ops, here, nT, SIZES)).toEqual(bits);
      expect(results(ops, there, nT, SIZES)).toEqual(bits);
    }
  });

  it("is watched by the reference, as any product", async () => {
    const { ops, worst } = await watchedOps();
    const { nH, nope, v } = SIZES;
    const halves = ops.placeKvB?.(stored(format, SIZES), nH, nope, v);
    if (!halves) throw new Error("expected both halves");
    results(ops, halves, 3, SIZES);
    expect(worst.get("perHead")).toBeGreaterThan(0);
  });
});

it("of GLM-5.2's shape takes no more memory than the file, where its heads begin in blocks or between them", async () => {
  const sizes = { nH: 4, nope: 192, v: 256, kvLora: 512 };
  const raw = stored("F8_E4M3", sizes);
  const ops = await fastOps();
  const before = ops.rowMemory().bytesLeft ?? 0;
  const halves = ops.placeKvB?.(raw, sizes.nH, sizes.nope, sizes.v);
  const taken = before - (ops.rowMemory().bytesLeft ?? 0);
  expect(taken).toBeLessThan(1.02 * raw.bytes.length);
  if (!halves) throw new Error("expected both halves");
  expect(results(ops, halves, 1, sizes)).toEqual(results(ops, cut(ops, raw, sizes), 1, sizes));
});

it("is left to others where numbers must be widened or rows filled up", async () => {
  const ops = await fastOps();
  const give = (raw: RawTensor, { nH, nope, v }: Sizes) => ops.placeKvB?.(raw, nH, nope, v);
  for (const odd of [
    { ...SIZES, nope: 56 },
    { ...SIZES, kvLora: 136 },
  ]) {
    expect(give(stored("BF16", odd), odd)).toBeUndefined();
  }
  // Heads of fp8 that begin between steps of eight columns; those of bf16 may.
  const between = { ...SIZES, v: 45 };
  expect(give(stored("F8_E4M3", between), between)).toBeUndefined();
  expect(give(stored("BF16", between), between)).toBeDefined();
  const large = stored("F8_E4M3", SIZES);
  const scales = Float32Array.from(large.scales ?? [], () => 200);
  expect(give({ ...large, scales }, SIZES)).toBeUndefined();
  const few = { ...SIZES, nope: 24 }; // no whole vector
  expect(give(stored("Q8", few), few)).toBeUndefined();
});
