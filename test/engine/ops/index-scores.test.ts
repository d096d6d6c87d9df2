/** Tests of `indexScores`: the scores of the lightning indexer. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { random } from "../../support/random.ts";
import { keyRows } from "../../support/stored.ts";
import { BACKENDS } from "./backends.ts";

for (const { name, ops } of BACKENDS) {
  const scoresOf = (q: number[], k: number[], w: number[], start = 0, scale = 1) => {
    const nH = w.length;
    const nD = q.length / nH;
    return [
      ...ops.read(
        ops.indexScores(
          ops.tensor(["T", "idxH", "idx"], [1, nH, nD], q),
          keyRows(ops, ops.tensor(["S", "idx"], [k.length / nD, nD], k)),
          ops.tensor(["T", "idxH"], [1, nH], w),
          start,
          scale,
        ),
      ),
    ];
  };

  describe(`indexScores (${name})`, () => {
    test("two heads by hand: 2 · relu(3) + (−1) · relu(4) = 2, times the scale 0.5", () => {
      expect(scoresOf([1, 1, 0, 2], [1, 2], [2, -1], 0, 0.5)).toEqual([1]);
    });

    test("a head whose product is negative is silent, whatever its weight", () => {
      expect(scoresOf([1, 0, 0, 1], [-5, 3], [100, 2])).toEqual([6]);
    });

    test("a negative weight votes against a row (G28)", () => {
      expect(scoresOf([1], [1, 2, -1], [-3], 2)).toEqual([-3, -6, 0]);
    });

    test("where no product is positive the score is +0, also under negative weights (G27)", () => {
      const scores = scoresOf([1, 1], [-1, -2], [-3, -4], 1);
      expect(scores.map((x) => Object.is(x, 0))).toEqual([true, true]);
    });

    test("query t sees rows 0 … start + t; the others are −Infinity (G20)", () => {
      const q = ops.tensor(["T", "idxH", "idx"], [2, 1, 1], [1, 1]);
      const k = keyRows(ops, ops.tensor(["S", "idx"], [5, 1], [1, 2, 3, 4, 5]));
      const w = ops.tensor(["T", "idxH"], [2, 1], [1, 1]);
      const none = Number.NEGATIVE_INFINITY;
      expect([...ops.read(ops.indexScores(q, k, w, 2, 1))]).toEqual([
        1,
        2,
        3,
        none,
        none,
        1,
        2,
        3,
        4,
        none,
      ]);
    });

    test("131072 rows in one call are the rows of 32 calls, bit for bit (G29)", () => {
      const nS = 131_072;
      const q = random(ops, ["T", "idxH", "idx"], [1, 2, 4], 1);
      const k = random(ops, ["S", "idx"], [nS, 4], 2);
      const w = random(ops, ["T", "idxH"], [1, 2], 3);
      const whole = ops.read(ops.indexScores(q, keyRows(ops, k), w, nS - 1, 0.5));
      for (let at = 0; at < nS; at += 4096) {
        const some = keyRows(ops, ops.slice(k, at, at + 4096), { pageRows: 64 });
        const part = ops.read(ops.indexScores(q, some, w, nS - 1, 0.5));
        expect(part).toEqual(whole.slice(at, at + 4096));
      }
      expect(whole.filter((x) => x === 0).length).toBeLessThan(nS / 2);
    });

    test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 4093, 4094, 4095, 4096, 4097, 4100])(
      "one query over %d rows gives the last row of the batch, bit for bit (G30)",
      (nS) => {
        const n = Math.min(nS, 9);
        const q = random(ops, ["T", "idxH", "idx"], [n, 2, 4], 1);
        const k = keyRows(ops, random(ops, ["S", "idx"], [nS, 4], 2));
        const w = random(ops, ["T", "idxH"], [n, 2], 3);
        const batch = ops.read(ops.indexScores(q, k, w, nS - n, 0.5));
        const last = ops.indexScores(
          ops.tensor(["T", "idxH", "idx"], [1, 2, 4], ops.read(q).slice(-8)),
          k,
          ops.slice(w, n - 1, n),
          nS - 1,
          0.5,
        );
        expect(ops.read(last)).toEqual(batch.slice(-nS));
        expect(Math.min(...batch.slice(-nS))).toBeGreaterThan(Number.NEGATIVE_INFINITY);
      },
    );

    test("other lengths are refused, and all sides are shown", () => {
      const q = random(ops, ["T", "idxH", "idx"], [1, 2, 4], 1);
      const k = keyRows(ops, random(ops, ["S", "idx"], [3, 4], 2));
      const w = random(ops, ["T", "idxH"], [1, 3], 3);
      expect(() => ops.indexScores(q, k, w, 0, 1)).toThrow(
        new ShapeError("indexScores: q [T=1, idxH=2, idx=4], k [S=3, idx=4], w [T=1, idxH=3]"),
      );
    });
  });
}
