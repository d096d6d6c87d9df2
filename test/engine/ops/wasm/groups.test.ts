/** Tests of products with q8 and q4 weights, which come in groups with one scale. */

import { describe, expect, it } from "vitest";
import { sizeOf } from "../../../../engine/base/tensor.ts";
import { type Ops, referenceOps } from "../../../../engine/index.ts";
import { decode, encodeF32, toF16 } from "../../../../engine/numbers/formats.ts";
import { rawGroups, toGroups } from "../../../../engine/numbers/groups.ts";
import type { RawTensor } from "../../../../engine/numbers/raw-tensor.ts";
import { residentBank } from "../../../../engine/ops/expert-bank.ts";
import { int8Rows } from "../../../../engine/ops/reference/int8-rows.ts";
import { wasmOps } from "../../../../engine/ops/wasm/index.ts";
import { nodeThreads } from "../../../../tools/node/threads.ts";
import { bitsOf } from "../../../support/compare.ts";
import { gaussians } from "../../../support/random.ts";
import { FILLS } from "./values.ts";
import { fastOps, kernelBytes, machine, watchedOps } from "./wasm.ts";

const FORMATS = ["q8", "q4"] as const;

type Make = (shape: readonly number[], seed: number) => RawTensor;

const grouped =
  (format: "q8" | "q4"): Make =>
  (shape, seed) =>
    rawGroups(format, shape, toGroups(format, gaussians(sizeOf(shape), seed)));

/** Normally distributed f16 numbers, and all subnormal ones. */
const f16: Make = (shape, seed) => {
  const half = Uint16Array.from(gaussians(sizeOf(shape), seed), (x, i) =>
    i % 3 ? toF16(x) : (i * 7) & 0x83ff,
  );
  return { dtype: "F16", shape, bytes: new Uint8Array(half.buffer) };
};

const MAKES: Readonly<Record<string, Make>> = { q8: grouped("q8"), q4: grouped("q4"), f16 };

describe.each(Object.entries(FILLS))("rows of %s numbers in int8", (_name, fill) => {
  it.each(FORMATS)("are those of the specification, for %s", async (format) => {
    const { arena, kernels } = await machine();
    const [nT, nGroups] = [3, 5];
    const n = 32 * nGroups;
    const x = fill(nT * n, 4);
    const at = arena.scratch(72 * nT * nGroups);
    const quantize = format === "q8" ? kernels.quantizeRowsQ8 : kernels.quantizeRowsQ4;
    quantize(at, 72 * nGroups, arena.addressOf(x), 4 * n, nT, nGroups);

    const want = int8Rows({ dims: ["T", "c"], shape: [nT, n], data: x }).data;
    const places = format === "q8" ? [1, 1, 1, 1] : [256, 16, 1, 256];
    for (let g = 0; g < nT * nGroups; g++) {
      const half = arena.halfs(at + 72 * g, 32);
      const [factor] = arena.floats(at + 72 * g + 64, 1);
      const [first] = arena.ints(at + 72 * g + 68, 1);
      let sum = 0;
      for (let i = 0; i < 32; i++) {
        const q = (half[i] << 16) >> 16;
        const place = places[Math.floor(i / 2) % 4];
        expect(q / place).toBe(Math.trunc(q / place));
        expect(((q / place) * factor * places[0]) / 1).toBe(want[32 * g + i]);
        sum += q / place;
      }
      expect(first).toBe(format === "q8" ? 0 : -8 * 256 * sum + 0);
    }
  });
});

describe("a group with a number that is not finite", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "%d makes its row NaN and no other, in both backends",
    async (bad) => {
      const x = gaussians(2 * 64, 1);
      x[70] = bad;
      for (const ops of [await fastOps("int8"), referenceOps("f32", "int8")]) {
        for (const format of FORMATS) {
          const w = ops.place(["o", "i"], [9, 64], grouped(format)([9, 64], 2));
          const { data } = ops.linear(ops.tensor(["T", "i"], [2, 64], x), w);
          expect([...data.subarray(0, 9)].every(Number.isFinite)).toBe(true);
          expect([...data.subarray(9)].every(Number.isNaN)).toBe(true);
        }
      }
    },
  );
});

describe.each(Object.entries(MAKES))("%s weights with activations in f32", (_name, make) => {
  it("give the bits of f32 weights, whatever the number of tokens", async () => {
    const ops = await fastOps();
    for (const [nO, nI] of [
      [1, 32],
      [7, 64],
      [8, 96],
      [19, 256],
      [41, 544],
    ]) {
      const raw = make([nO, nI], nI);
      const [stored, wide] = [raw, encodeF32([nO, nI], decode(raw))].map((one) =>
        ops.place(["o", "i"], [nO, nI], one),
      );
      const x = ops.tensor(["T", "i"], [7, nI], gaussians(7 * nI, nO));
      const want = bitsOf(ops.linear(x, wide).data);
      for (const step of [1, 2, 5, 7]) {
        for (let t = 0; t < 7; t += step) {
          const part = ops.slice(x, t, Math.min(t + step, 7));
          const got = bitsOf(ops.linear(part, stored).data);
          expect(got).toEqual(want.subarray(t * nO, t * nO + got.length));
        }
      }
    }
  });

  it("are read exactly by embed", async () => {
    const { ops } = await watchedOps();
    const table = ops.place(["vocab", "hidden"], [21, 64], make([21, 64], 3));
    const got = ops.embed(Int32Array.of(0, 7, 8, 20, 15), table);
    const want = referenceOps("f64");
    const spec = want.place(["vocab", "hidden"], [21, 64], make([21, 64], 3));
    expect([...got.data]).toEqual([...want.embed(Int32Array.of(0, 7, 8, 20, 15), spec).data]);
  });
});

/** Sizes a little below, at and above those of a panel, four panels, and four tokens. */
const SHAPES: readonly (readonly [nO: number, nI: number])[] = [
  [1, 32],
  [8, 64],
  [31, 96],
  [32, 32],
  [33, 544],
  [67, 320],
];

describe.each(FORMATS)("%s weights with activations in int8", (format) => {
  it.each(Object.entries(FILLS))(
    "stay within γ(n/32 + 2) · Σ|x̂ w| of the f64 reference, with %s activations",
    async (_name, fill) => {
      const { ops, worst } = await watchedOps("int8");
      for (const [nO, nI] of SHAPES) {
        const mark = ops.mark();
        const w = ops.place(["o", "i"], [nO, nI], grouped(format)([nO, nI], nI));
        for (const nT of [1, 2, 4, 5, 9, 18])
          ops.linear(ops.tensor(["T", "i"], [nT, nI], fill(nT * nI, nT)), w);
        const heads = ops.place(["H", "o", "i"], [3, nO, nI], grouped(format)([3, nO, nI], nO));
        ops.perHead(ops.tensor(["T", "H", "i"], [2, 3, nI], fill(6 * nI, 1)), heads);
        ops.release(mark);
      }
      expect(worst.get("linear")).toBeLessThanOrEqual(1);
      expect(worst.get("perHead")).toBeLessThanOrEqual(1);
    },
  );

  it("of experts stay within the bounds of their products and of their rounding", async () => {
    const { ops, worst } = await watchedOps("int8");
    for (const [nT, nE, nA] of [
      [1, 6, 2],
      [9, 4, 3],
    ]) {
      const x = ops.tensor(["T", "hidden"], [nT, 64], gaussians(nT * 64, 1));
      const bank = residentBank(
        Array.from({ length: nE }, (_, e) => ({
          gate: ops.place(["moe", "hidden"], [96, 64], grouped(format)([96, 64], 10 + e)),
          up: ops.place(["moe", "hidden"], [96, 64], grouped(format)([96, 64], 20 + e)),
          down: ops.place(["hidden", "moe"], [64, 96], grouped(format)([64, 96], 30 + e)),
        })),
      );
      const bias = ops.place(["E"], [nE], encodeF32([nE], new Float32Array(nE)));
      const rule = { nActive: nA, nGroup: 1, topkGroup: 1, normTopkProb: true, scale: 2.5 };
      const logits = ops.tensor(["T", "E"], [nT, nE], gaussians(nT * nE, 5));
      ops.experts(x, ops.route(logits, bias, rule), bank);
    }
    expect(worst.get("experts")).toBeLessThanOrEqual(1);
  });

  it("give the same bits for any number of tokens, threads and memories, and in wide tiles", async () => {
    const shared = { ...nodeThreads(3), shareFrom: 0 };
    const product = (ops: Ops, nT: number, nO: number, nI: number): Uint32Array => {
      const w = ops.place(["o", "i"], [nO, nI], grouped(format)([nO, nI], 1));
      const x = gaussians(36 * nI, 2);
      const parts = Array.from({ length: 36 / nT }, (_, i) => {
        const rows = x.subarray(i * nT * nI, (i + 1) * nT * nI);
        return [...ops.linear(ops.tensor(["T", "i"], [nT, nI], rows), w).data];
      });
      return bitsOf(parts.flat());
    };
    const one = await fastOps("int8");
    const three = await wasmOps(kernelBytes(), {
      memoryBytes: 2 ** 32 + 1,
      threads: shared,
      activations: "int8",
    });
    const wide = await wasmOps(kernelBytes(), { activations: "int8", isWide: true });
    // The last shape is so wide that 36 tokens are not taken apart at once.
    for (const [nO, nI] of [...SHAPES, [9, 8192]]) {
      const want = product(one, 1, nO, nI);
      for (const nT of [3, 4, 12, 18, 36]) {
        expect(product(one, nT, nO, nI)).toEqual(want);
        expect(product(wide, nT, nO, nI)).toEqual(want);
        expect(product(three, nT, nO, nI)).toEqual(want);
      }
    }
    await three.close();
  });

  it("differ from those in f32: the mode is not a way to the same result", async () => {
    const x = gaussians(64, 1);
    const [a, b] = await Promise.all(
      (["f32", "int8"] as const).map(async (activations) => {
        const ops = await fastOps(activations);
        const w = ops.place(["o", "i"], [8, 64], grouped(format)([8, 64], 2));
        return bitsOf(ops.linear(ops.tensor(["T", "i"], [1, 64], x), w).data);
      }),
    );
    expect(a).not.toEqual(b);
  });
});
