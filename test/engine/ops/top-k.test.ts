/** Tests of `topK`: the selection of rows with the highest scores. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { largestFirst, topKBy } from "../../../tools/golden/mutants/wrong-ops.ts";
import { BACKENDS } from "./backends.ts";

const NONE = Number.NEGATIVE_INFINITY;

for (const { name, ops } of BACKENDS) {
  const chosen = (scores: number[], k: number) => [
    ...ops.topK(ops.tensor(["T", "S"], [1, scores.length], scores), k).data,
  ];

  describe(`topK (${name})`, () => {
    test("the 2 largest of 4, in the order of their positions", () => {
      expect(chosen([1, 9, 3, 5], 2)).toEqual([1, 3]);
    });

    test("equal scores go to the smaller positions (G27)", () => {
      expect(chosen([1, 7, 7, 7, 2], 2)).toEqual([1, 2]);
      expect(chosen([7, 1, 7, 9, 7], 3)).toEqual([0, 2, 3]);
    });

    test("a plateau of zeros fills the rest, lowest first, never fewer than k (G27)", () => {
      expect(chosen([0, 0, 0, 0, 0, 0, 0, 0], 5)).toEqual([0, 1, 2, 3, 4]);
      expect(chosen([0, 0, 0, 5, 0, 0], 3)).toEqual([0, 1, 3]);
    });

    test("−0 and +0 are equal (G27)", () => {
      expect(chosen([-0, 0, -0, 0], 2)).toEqual([0, 1]);
      expect(chosen([-1, -0, 0, -0], 2)).toEqual([1, 2]);
    });

    test("zeros come before negative scores (G28)", () => {
      expect(chosen([-3, 0, -1, 0, -2], 3)).toEqual([1, 2, 3]);
    });

    test("−Infinity is never chosen; the empty places are −1, at the end (G20)", () => {
      expect(chosen([4, NONE, 2, NONE], 3)).toEqual([0, 2, -1]);
      expect(chosen([NONE, NONE], 2)).toEqual([-1, -1]);
    });

    test("fewer rows than k: as many places as rows", () => {
      expect(chosen([3, 1], 5)).toEqual([0, 1]);
      const { dims, shape } = ops.topK(ops.tensor(["T", "S"], [1, 2], [3, 1]), 5);
      expect([dims, shape]).toEqual([
        ["T", "K"],
        [1, 2],
      ]);
    });

    test("k = 8 with 4 tokens: row 0 attends to 0 alone, row 3 to all four (G20)", () => {
      const scores = [9, NONE, NONE, NONE, 1, 2, NONE, NONE, 3, 1, 2, NONE, 4, 3, 2, 1];
      const { data } = ops.topK(ops.tensor(["T", "S"], [4, 4], scores), 8);
      expect([...data]).toEqual([0, -1, -1, -1, 0, 1, -1, -1, 0, 1, 2, -1, 0, 1, 2, 3]);
    });

    test("+Infinity, denormals and numbers one bit apart are told apart", () => {
      expect(chosen([1, Number.POSITIVE_INFINITY, 2], 1)).toEqual([1]);
      expect(chosen([0, 2 ** -149, 0, 2 ** -148], 2)).toEqual([1, 3]);
      expect(chosen([1, 1 + 2 ** -23, 1], 1)).toEqual([1]);
    });

    test("each row is chosen for itself", () => {
      const scores = ops.tensor(["T", "S"], [2, 3], [1, 2, 3, 3, 2, 1]);
      expect([...ops.topK(scores, 2).data]).toEqual([1, 2, 0, 1]);
    });

    test("equals sorting all rows by (score descending, position ascending), ties included", () => {
      const score = fc.oneof(fc.constantFrom(0, -0, NONE, 1, -1, 2), fc.float({ noNaN: true }));
      fc.assert(
        fc.property(
          fc.array(score, { minLength: 1, maxLength: 60 }),
          fc.integer({ min: 1, max: 70 }),
          (row, k) => {
            const scores = ops.tensor(["T", "S"], [1, row.length], row);
            expect(ops.topK(scores, k)).toEqual(topKBy(largestFirst)(scores, k));
          },
        ),
        { numRuns: 500, seed: 1 },
      );
    });

    test("twice the same choice, and the scores stay as they are", () => {
      const scores = ops.tensor(["T", "S"], [1, 5], [2, 1, 2, 1, 2]);
      expect(ops.topK(scores, 4)).toEqual(ops.topK(scores, 4));
      expect([...ops.read(scores)]).toEqual([2, 1, 2, 1, 2]);
    });

    test.each([0, 1, 2])("NaN at place %d is refused, and names the row (G21)", (at) => {
      const row = [1, 2, 3].with(at, Number.NaN);
      const scores = ops.tensor(["T", "S"], [2, 3], [1, 2, 3, ...row]);
      expect(() => ops.topK(scores, 1)).toThrow(
        "topK: expected scores, got NaN in row 1: the numbers of the model leave the range of floats",
      );
    });
  });
}
