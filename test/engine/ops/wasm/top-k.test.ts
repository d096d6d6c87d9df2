/** Compares the kernel of `topK` with the reference: both must choose the same rows. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OverflowError, referenceOps } from "../../../../engine/index.ts";
import { gaussians } from "../../../support/random.ts";
import { fastOps } from "./wasm.ts";

const fast = await fastOps();
const spec = referenceOps("f32");

/** The rows that each backend chooses for one row of scores. */
function both(row: ArrayLike<number>, k: number): [number[], number[]] {
  const mark = fast.mark();
  const choose = (ops: typeof fast) => [
    ...ops.topK(ops.tensor(["T", "S"], [1, row.length], row), k).data,
  ];
  const chosen: [number[], number[]] = [choose(fast), choose(spec)];
  fast.release(mark);
  return chosen;
}

describe("topK (wasm) chooses exactly what the reference chooses", () => {
  it("from any scores, with many ties, both zeros and infinities", () => {
    const score = fc.oneof(
      fc.float({ noNaN: true }),
      fc.constantFrom(0, -0, 1, -1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
    );
    const row = fc.array(score, { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(row, fc.integer({ min: 1, max: 220 }), (scores, k) => {
        const [got, want] = both(scores, k);
        expect(got).toEqual(want);
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it("from 20,000 scores that differ in their last bits only", () => {
    const row = gaussians(20_000, 1).map((x) => 1 + Math.round(x * 20) * 2 ** -23);
    for (const k of [1, 2, 2048, 19_999, 20_000]) {
      const [got, want] = both(row, k);
      expect(got).toEqual(want);
    }
  });

  it("from ascending, descending and equal scores", () => {
    const n = 5000;
    const rows = [
      Float32Array.from({ length: n }, (_, i) => i),
      Float32Array.from({ length: n }, (_, i) => -i),
      new Float32Array(n).fill(-3),
      new Float32Array(n).fill(Number.NEGATIVE_INFINITY),
    ];
    for (const row of rows) {
      const [got, want] = both(row, 65);
      expect(got).toEqual(want);
    }
  });

  it("when its list fills up: 60,000 scores in any order, in steps, on one level, of any size", () => {
    const n = 60_000;
    const numbers = gaussians(n, 2);
    const rows = {
      gaussian: numbers,
      ascending: numbers.toSorted(),
      descending: numbers.toSorted().toReversed(),
      steps: Float32Array.from({ length: n }, (_, i) => Math.floor(i / 9000)),
      equal: new Float32Array(n).fill(0.5),
      zeros: Float32Array.from({ length: n }, (_, i) => (i % 2 ? 0 : -0)),
      denormal: numbers.map((x) => x * 2 ** -140),
      "mostly -Infinity": numbers.map((x, i) => (i % 40 ? Number.NEGATIVE_INFINITY : x)),
    };
    for (const row of Object.values(rows)) {
      for (const k of [1, 100, 2048, 5000, 30_000]) {
        const [got, want] = both(row, k);
        expect(got).toEqual(want);
      }
    }
  });

  it("and refuses a NaN, also among the last scores", () => {
    for (const at of [0, 17, 31, 32, 34]) {
      const scores = gaussians(35, 1);
      scores[at] = Number.NaN;
      const row = fast.tensor(["T", "S"], [1, 35], scores);
      expect(() => fast.topK(row, 2)).toThrow(OverflowError);
    }
  });

  it("and refuses a NaN", () => {
    const row = fast.tensor(["T", "S"], [2, 3], [1, 2, 3, 4, Number.NaN, 6]);
    expect(() => fast.topK(row, 2)).toThrow(OverflowError);
  });
});
