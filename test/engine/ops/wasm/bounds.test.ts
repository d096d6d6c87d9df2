/** Tests that the error of each op stays within its bound, compared with the f64 reference. */

import { describe, expect, it } from "vitest";
import type { Shape, Tensor, Weight } from "../../../../engine/base/tensor.ts";
import { DisagreementError, type Ops, referenceOps, ShapeError } from "../../../../engine/index.ts";
import { encodeF32, toBf16 } from "../../../../engine/numbers/formats.ts";
import { exp } from "../../../../engine/numbers/math.ts";
import type { RawTensor } from "../../../../engine/numbers/raw-tensor.ts";
import { positionsFrom, ropeTable } from "../../../../engine/numbers/rope-table.ts";
import { checkedOps } from "../../../../engine/ops/checked.ts";
import { residentBank } from "../../../../engine/ops/expert-bank.ts";
import { wasmBounds } from "../../../../engine/ops/wasm/index.ts";
import { quantizeBlocks } from "../../../../engine/weights/quantize.ts";
import { gaussians } from "../../../support/random.ts";
import { keyRows, latentRows } from "../../../support/stored.ts";
import { FILLS, type Fill, LENGTHS } from "./values.ts";
import { fastOps, machine, watchedOps } from "./wasm.ts";

type Format = "f32" | "bf16" | "fp8";

const fills = Object.entries(FILLS);
const { ops, worst } = await watchedOps();

function tensor<const D extends readonly string[]>(
  dims: D,
  shape: Shape<D>,
  fill: Fill,
  seed: number,
): Tensor<D> {
  return ops.tensor(dims, shape, fill(product(shape), seed));
}

function weight<const D extends readonly string[]>(
  dims: D,
  shape: Shape<D>,
  fill: Fill,
  seed: number,
  format: Format = "f32",
): Weight<D> {
  const values = fill(product(shape), seed);
  if (format === "f32") return ops.place(dims, shape, encodeF32(shape, values));
  if (format === "fp8") return ops.place(dims, shape, fp8(shape, values));
  const bytes = new Uint8Array(Uint16Array.from(values, toBf16).buffer);
  return ops.place(dims, shape, { dtype: "BF16", shape, bytes });
}

/** A stack of matrices; each is quantised separately. */
function fp8(shape: readonly number[], values: Float32Array): RawTensor {
  const [nRows, nColumns] = shape.slice(-2);
  const size = nRows * nColumns;
  const parts = Array.from({ length: values.length / size }, (_, m) =>
    quantizeBlocks(nRows, nColumns, values.subarray(m * size, (m + 1) * size)),
  );
  const bytes = Uint8Array.from(parts.flatMap((part) => [...part.bytes]));
  const scales = Float32Array.from(parts.flatMap((part) => [...part.scales]));
  return { dtype: "F8_E4M3", shape, bytes, scales };
}

function product(shape: readonly number[]): number {
  return shape.reduce((n, length) => n * length, 1);
}

/** Runs `body`, and frees its tensors. */
function freeing(body: () => void): void {
  const mark = ops.mark();
  body();
  ops.release(mark);
}

/**
 * Checks that an op was compared and that its errors stayed within `atMost` of their bound.
 * checkedOps itself throws for errors beyond the bound.
 */
function expectWithin(op: Parameters<typeof worst.get>[0], atMost: number): void {
  expect(worst.get(op)).toBeLessThanOrEqual(atMost);
}

describe.each(fills)("with %s numbers", (_name, fill) => {
  it.each(["f32", "bf16", "fp8"] as const)(
    "linear with %s weights stays within γ(⌈n/8⌉ + 3) · Σ|x w| of the f64 reference",
    (format) => {
      for (const [i, nI] of LENGTHS.entries()) {
        for (const nT of [1, 2, 3, 4, 7]) {
          freeing(() => {
            const w = weight(["o", "i"], [1 + ((i * 5 + nT) % 11), nI], fill, i, format);
            ops.linear(tensor(["T", "i"], [nT, nI], fill, nT), w);
          });
        }
      }
      expectWithin("linear", 1);
    },
  );

  it("perHead stays within γ(⌈n/8⌉ + 3) · Σ|x w|", () => {
    for (const format of ["f32", "bf16", "fp8"] as const) {
      for (const [nT, nH, nI, nO] of [
        [1, 1, 1, 1],
        [1, 4, 12, 6],
        [3, 2, 6, 12],
        [5, 3, 64, 17],
        [2, 2, 192, 9],
      ]) {
        freeing(() => {
          const x = tensor(["T", "H", "i"], [nT, nH, nI], fill, nI);
          ops.perHead(x, weight(["H", "o", "i"], [nH, nO, nI], fill, nO, format));
        });
      }
    }
    expectWithin("perHead", 1);
  });

  it("rmsNorm and layerNorm round once, but for the order of their f64 sums", () => {
    for (const nC of LENGTHS) {
      freeing(() => {
        const x = tensor(["T", "c"], [3, nC], fill, nC);
        const gain = weight(["c"], [nC], gaussians, 1);
        const bias = weight(["c"], [nC], gaussians, 2);
        ops.rmsNorm(x, gain, 1e-5);
        ops.layerNorm(x, gain, bias, 1e-6);
      });
    }
    expectWithin("rmsNorm", 1);
    expectWithin("layerNorm", 1);
  });

  it("ropeInterleaved rounds once", () => {
    freeing(() => {
      const table = ropeTable(positionsFrom(999_990, 5), 12, 1e6, "f32");
      ops.ropeInterleaved(tensor(["T", "rope"], [5, 12], fill, 1), table);
      ops.ropeInterleaved(tensor(["T", "H", "rope"], [5, 3, 12], fill, 2), table);
    });
    expectWithin("ropeInterleaved", 1);
  });

  it("siluMul stays within 7 roundings of the reference", () => {
    for (const n of LENGTHS) {
      freeing(() => {
        const gate = tensor(["T", "c"], [1, n], fill, n);
        ops.siluMul(gate, tensor(["T", "c"], [1, n], gaussians, n + 1));
      });
    }
    expectWithin("siluMul", 1);
  });

  it("add rounds once", () => {
    for (const n of LENGTHS) {
      freeing(() => {
        ops.add(tensor(["T", "c"], [2, n], fill, n), tensor(["T", "c"], [2, n], fill, n + 1));
      });
    }
    expectWithin("add", 1);
  });

  it("indexScores stays within its two γ bounds, from dot products and from the sum over heads", () => {
    for (const [nT, nS, nH, nD, start] of [
      [1, 1, 1, 1, 0],
      [3, 7, 5, 12, 4],
      [2, 130, 16, 8, 100],
      [5, 65, 3, 128, 60],
      [4, 200, 32, 32, 0],
    ]) {
      freeing(() => {
        const q = tensor(["T", "idxH", "d"], [nT, nH, nD], fill, 1);
        const k = keyRows(ops, tensor(["S", "d"], [nS, nD], fill, 2));
        const w = tensor(["T", "idxH"], [nT, nH], gaussians, 3);
        ops.topK(ops.indexScores(q, k, w, start, nH ** -0.5 * nD ** -0.5), 17);
      });
    }
    expectWithin("indexScores", 1);
  });
});

describe("attention over the chosen rows", () => {
  const shapes = [
    [1, 1, 1, 1, 1, 2],
    [3, 2, 9, 4, 12, 4],
    [2, 5, 100, 64, 16, 8],
    [1, 4, 200, 65, 24, 8],
    [2, 9, 300, 130, 64, 16],
  ];
  it.each([0.01, 1, 30, 1000])(
    "stays within (r + r̄)/(1 − r̄) of its softmax and γ of its sum, with scores of deviation %d",
    (spread) => {
      for (const [nT, nH, nS, nK, nC, nR] of shapes) {
        freeing(() => {
          const qLatent = tensor(["T", "H", "kvLora"], [nT, nH, nC], gaussians, 1);
          const qPe = tensor(["T", "H", "rope"], [nT, nH, nR], gaussians, 2);
          const latent = tensor(["S", "kvLora"], [nS, nC], gaussians, 3);
          const kPe = tensor(["S", "rope"], [nS, nR], gaussians, 4);
          const topK = {
            dims: ["T", "K"] as ["T", "K"],
            shape: [nT, nK] as const,
            // Choose at most every second row. All queries but one have padding at the end.
            data: Int32Array.from({ length: nT * nK }, (_, at) => {
              const [t, i] = [Math.floor(at / nK), at % nK];
              return i > 0 && i >= nK - 2 * t ? -1 : Math.floor((i * nS) / nK);
            }),
          };
          const past = latentRows(ops, latent, kPe);
          ops.latentAttention(qLatent, qPe, past, topK, spread / Math.sqrt(nC + nR));
        });
      }
      expectWithin("latentAttention", 1);
    },
  );

  it("refuses a row that is not there", async () => {
    const fast = await fastOps();
    const t = <const D extends readonly string[]>(dims: D, shape: Shape<D>) =>
      fast.tensor(dims, shape, gaussians(product(shape), 1));
    expect(() =>
      fast.latentAttention(
        t(["T", "H", "kvLora"], [1, 1, 8]),
        t(["T", "H", "rope"], [1, 1, 8]),
        latentRows(fast, t(["S", "kvLora"], [3, 8]), t(["S", "rope"], [3, 8])),
        { dims: ["T", "K"], shape: [1, 1], data: Int32Array.of(3) },
        1,
      ),
    ).toThrow(ShapeError);
  });
});

describe("experts", () => {
  it.each(["f32", "bf16", "fp8"] as const)(
    "with %s banks stay within the bounds of their three products, SwiGLU and sum",
    (format) => {
      for (const [nT, nE, nA, nHidden, nMoe] of [
        [1, 1, 1, 1, 1],
        [1, 8, 3, 32, 12],
        [5, 6, 2, 30, 9],
        [7, 4, 4, 64, 17],
      ]) {
        freeing(() => {
          const x = tensor(["T", "hidden"], [nT, nHidden], gaussians, 1);
          const bank = residentBank(
            Array.from({ length: nE }, (_, e) => ({
              gate: weight(["moe", "hidden"], [nMoe, nHidden], gaussians, 100 + e, format),
              up: weight(["moe", "hidden"], [nMoe, nHidden], gaussians, 200 + e, format),
              down: weight(["hidden", "moe"], [nHidden, nMoe], gaussians, 300 + e, format),
            })),
          );
          const logits = tensor(["T", "E"], [nT, nE], gaussians, 5);
          const rule = { nActive: nA, nGroup: 1, topkGroup: 1, normTopkProb: true, scale: 2.5 };
          ops.experts(x, ops.route(logits, weight(["E"], [nE], gaussians, 6), rule), bank);
        });
      }
      expectWithin("route", 1);
      expectWithin("experts", 1);
    },
  );
});

describe("embed", () => {
  it.each(["f32", "bf16", "fp8"] as const)("with a %s table is exact", (format) => {
    for (const nHidden of [1, 7, 8, 30, 64]) {
      freeing(() => {
        const above = tensor(["T", "c"], [1, 16], gaussians, 1);
        const before = above.data.slice();
        ops.embed(
          Int32Array.of(4, 0, 4),
          weight(["vocab", "hidden"], [5, nHidden], gaussians, 2, format),
        );
        expect(above.data).toEqual(before);
      });
    }
    expectWithin("embed", 0);
  });

  it("refuses a token that the table has no row for", () => {
    const table = weight(["vocab", "hidden"], [5, 8], gaussians, 1);
    expect(() => ops.embed(Int32Array.of(5), table)).toThrow(ShapeError);
  });
});

describe("exp", () => {
  it("is within 2^-23 of the value down to 2^-126, within 2^-149 below, and never NaN", async () => {
    const { arena, kernels } = await machine();
    const n = 1 << 20;
    const x = arena.newFloats(n);
    const y = arena.newFloats(n);
    for (let i = 0; i < n; i++) x[i] = -110 + (200 * i) / n;
    kernels.exp(y.byteOffset, x.byteOffset, n);
    let relative = 0;
    let absolute = 0;
    for (let i = 0; i < n; i++) {
      const want = exp(x[i]);
      if (want > 3.4028234e38) continue;
      if (want >= 2 ** -126) relative = Math.max(relative, Math.abs(y[i] - want) / want);
      else absolute = Math.max(absolute, Math.abs(y[i] - want));
    }
    expect(relative).toBeLessThanOrEqual(2 ** -23);
    expect(absolute).toBeLessThanOrEqual(2 ** -149);

    x.set([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 88.8, -104, Number.NaN]);
    kernels.exp(y.byteOffset, x.byteOffset, 7);
    const inf = Number.POSITIVE_INFINITY;
    expect([...y.subarray(0, 7)]).toEqual([inf, 0, 1, 1, inf, 0, Number.NaN]);
  });
});

describe("stored numbers that no kernel reads", () => {
  const x = () => ops.tensor(["T", "i"], [2, 200], gaussians(400, 1));

  it("f16 weights are widened exactly", () => {
    const half = Uint16Array.from({ length: 1400 }, (_, i) => (i * 37) % 0x7c00);
    const bytes = new Uint8Array(half.buffer);
    const shape = [7, 200] as const;
    ops.linear(x(), ops.place(["o", "i"], shape, { dtype: "F16", shape, bytes }));
    expectWithin("linear", 1);
  });

  it("fp8 weights with a scale of 128 or more are widened, since 2^120 times it would overflow", () => {
    const raw = quantizeBlocks(130, 200, gaussians(130 * 200, 2));
    const shape = [130, 200] as const;
    const scales = raw.scales.map((scale, i) => (i % 2 ? scale : 1e6 * scale));
    expect(scales.some((scale) => scale > 128)).toBe(true);
    ops.linear(x(), ops.place(["o", "i"], shape, { ...raw, scales }));
    expectWithin("linear", 1);
  });
});

describe("numbers that are not finite", () => {
  const inf = Number.POSITIVE_INFINITY;
  const special = [inf, -inf, Number.NaN, 0, -0, 1e38, -1e38, 100, -100, 90, -90, 2 ** -140];

  it("come out of every op as the reference has them: infinite or NaN in the same places", async () => {
    const kinds = (data: ArrayLike<number>): unknown[] =>
      Array.from(data, (x) => (Number.isFinite(x) ? "finite" : x));
    const run = (on: Ops): unknown[] => {
      const n = special.length;
      const x = on.tensor(
        ["T", "c"],
        [n, 2],
        Float32Array.from({ length: 2 * n }, (_, i) => (i % 2 ? 1 : special[i / 2])),
      );
      const square = on.place(["o", "c"], [3, 2], encodeF32([3, 2], [1, 1, 0, 1, -2, 0]));
      const gain = on.place(["c"], [2], encodeF32([2], [1, 2]));
      const line = on.tensor(["T", "c"], [1, n], special);
      const ones = on.tensor(["T", "c"], [1, n], new Float32Array(n).fill(1));
      const results = [
        on.linear(x, square),
        on.rmsNorm(x, gain, 1e-5),
        on.layerNorm(x, gain, gain, 1e-5),
        on.siluMul(line, ones),
        on.siluMul(ones, line),
        on.add(line, ones),
        on.add(line, line),
      ];
      return results.map((y) => kinds(y.data));
    };
    expect(run(await fastOps())).toEqual(run(referenceOps("f32")));
  });

  it("NaN never reaches an index score: the rectifier drops it, as in the reference", async () => {
    const run = (on: Ops): number[] => {
      const q = on.tensor(["T", "idxH", "d"], [1, 2, 1], [Number.NaN, 2]);
      const k = keyRows(on, on.tensor(["S", "d"], [3, 1], [1, -1, inf]));
      const w = on.tensor(["T", "idxH"], [1, 2], [1, 0.5]);
      return [...on.indexScores(q, k, w, 5, 1).data];
    };
    expect(run(await fastOps())).toEqual([1, 0, inf]);
    expect(run(referenceOps("f32"))).toEqual([1, 0, inf]);
  });
});

describe("a broken kernel", () => {
  it("is noticed: one wrong rounding in a thousand is enough", async () => {
    const fast = await fastOps();
    const broken: Ops = {
      ...fast,
      add: (a, b) => {
        const y = fast.add(a, b);
        y.data[999] *= 1 + 2 ** -23;
        return y;
      },
    };
    const checked = checkedOps(broken, referenceOps("f64"), wasmBounds());
    const a = checked.tensor(["T", "c"], [1, 1000], gaussians(1000, 1));
    expect(() => checked.add(a, a)).toThrow(DisagreementError);
  });
});
