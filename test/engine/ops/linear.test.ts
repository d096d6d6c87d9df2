/** Tests of `linear`: products with a matrix. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { gaussians, random, randomWeight, weight } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";
import { expectClose } from "./expect-close.ts";

for (const backend of BACKENDS) {
  const { name, ops } = backend;
  describe(`linear (${name})`, () => {
    test("multiplies by rows of the weight: it is stored [out, in]", () => {
      const x = ops.tensor(["T", "hidden"], [2, 2], [1, 2, 3, 4]);
      const w = weight(ops, ["vocab", "hidden"], [3, 2], [1, 0, 0, 1, 10, 100]);
      const y = ops.linear(x, w);
      expect([...ops.read(y)]).toEqual([1, 2, 210, 3, 4, 430]);
      expect(y.dims).toEqual(["T", "vocab"]);
      expect(y.shape).toEqual([2, 3]);
    });

    test("agrees with a naive sum at 129 inputs", () => {
      const x = random(ops, ["T", "hidden"], [3, 129], 1);
      const w = randomWeight(ops, ["vocab", "hidden"], [5, 129], 2);
      const values = gaussians(5 * 129, 2);
      const xs = ops.read(x);
      const want = Array.from({ length: 15 }, (_, i) => {
        const [t, o] = [Math.floor(i / 5), i % 5];
        let sum = 0;
        for (let c = 0; c < 129; c++) sum += xs[t * 129 + c] * values[o * 129 + c];
        return sum;
      });
      expectClose(backend, ops.linear(x, w), want);
    });

    test("a row does not depend on the rows beside it, bit for bit", () => {
      const x = random(ops, ["T", "hidden"], [5, 33], 3);
      const w = randomWeight(ops, ["vocab", "hidden"], [7, 33], 4);
      const all = ops.read(ops.linear(x, w));
      for (let t = 0; t < 5; t++) {
        const one = ops.read(ops.linear(ops.slice(x, t, t + 1), w));
        expect(one).toEqual(all.slice(t * 7, (t + 1) * 7));
      }
    });

    test.runIf(backend.exactSums)(
      "2^30 + 1 − 2^30 is 1: the sum is not rounded to f32 on its way",
      () => {
        const x = ops.tensor(["T", "hidden"], [1, 3], [2 ** 30, 1, 2 ** 30]);
        const w = weight(ops, ["vocab", "hidden"], [1, 3], [1, 1, -1]);
        expect([...ops.read(ops.linear(x, w))]).toEqual([1]);
      },
    );

    test("other lengths are refused, and both sides are shown", () => {
      const x = ops.tensor(["T", "hidden"], [1, 2], [1, 2]);
      const w = weight(ops, ["vocab", "hidden"], [1, 3], [1, 2, 3]);
      expect(() => ops.linear(x, w)).toThrow(
        new ShapeError("linear: x [T=1, hidden=2] against w [vocab=1, hidden=3]"),
      );
    });
  });
}
