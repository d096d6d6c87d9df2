/** Tests of `layerNorm`, the norm of index keys. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { random, randomWeight, weight } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";
import { expectClose } from "./expect-close.ts";

for (const backend of BACKENDS) {
  const { name, ops } = backend;
  const one = weight(ops, ["idx"], [2], [1, 1]);
  const zero = weight(ops, ["idx"], [2], [0, 0]);

  describe(`layerNorm (${name})`, () => {
    test("[5, 9] has mean 7 and variance 4 (biased): it becomes [−1, 1]", () => {
      const x = ops.tensor(["T", "idx"], [1, 2], [5, 9]);
      expectClose(backend, ops.layerNorm(x, one, zero, 0), [-1, 1]);
    });

    test("gain multiplies, then bias is added (G10)", () => {
      const x = ops.tensor(["T", "idx"], [1, 2], [5, 9]);
      const gain = weight(ops, ["idx"], [2], [2, 3]);
      const bias = weight(ops, ["idx"], [2], [10, 20]);
      expectClose(backend, ops.layerNorm(x, gain, bias, 0), [8, 23]);
    });

    test("eps stands under the root, beside the variance (G18)", () => {
      const x = ops.tensor(["T", "idx"], [1, 2], [5, 9]);
      expectClose(backend, ops.layerNorm(x, one, zero, 12), [-0.5, 0.5]);
    });

    test("a nearly constant key is finite with eps 1e-6 and shows any other eps (G18)", () => {
      const x = ops.tensor(["T", "idx"], [1, 2], [3, 3]);
      const bias = weight(ops, ["idx"], [2], [0.5, 0.25]);
      expect([...ops.read(ops.layerNorm(x, one, bias, 1e-6))]).toEqual([0.5, 0.25]);
      const near = ops.tensor(["T", "idx"], [1, 2], [0, 2 ** -9]); // deviation 2^-10
      const at = (eps: number) => ops.read(ops.layerNorm(near, one, zero, eps))[1];
      expect(at(1e-6)).toBeCloseTo(2 ** -10 / Math.sqrt(2 ** -20 + 1e-6), 5);
      expect(at(1e-5) / at(1e-6)).toBeLessThan(0.5);
    });

    test("is not an RMSNorm: adding a constant to the row changes nothing", () => {
      const x = ops.tensor(["T", "idx"], [1, 2], [5, 9]);
      const moved = ops.tensor(["T", "idx"], [1, 2], [105, 109]);
      const [a, b] = [x, moved].map((row) => ops.read(ops.layerNorm(row, one, zero, 1e-6)));
      expect(a).toEqual(b);
      const [c, d] = [x, moved].map((row) => ops.read(ops.rmsNorm(row, one, 1e-6)));
      expect(c).not.toEqual(d);
    });

    test("equals rmsNorm of the row without its mean, where the bias is 0", () => {
      const x = random(ops, ["T", "idx"], [3, 40], 1);
      const gain = randomWeight(ops, ["idx"], [40], 2);
      const none = weight(ops, ["idx"], [40], new Float32Array(40));
      const values = ops.read(x);
      const centred = values.map((v, i) => {
        const row = values.slice(40 * Math.floor(i / 40), 40 * Math.floor(i / 40) + 40);
        return v - [...row].reduce((a, b) => a + b, 0) / 40;
      });
      const rms = ops.rmsNorm(ops.tensor(["T", "idx"], [3, 40], centred), gain, 1e-6);
      const got = ops.read(ops.layerNorm(x, gain, none, 1e-6));
      ops.read(rms).forEach((v, i) => {
        expect(got[i]).toBeCloseTo(v, 5);
      });
    });

    test("other lengths are refused, and all sides are shown", () => {
      const x = ops.tensor(["T", "idx"], [1, 3], [1, 2, 3]);
      expect(() => ops.layerNorm(x, one, zero, 1e-6)).toThrow(
        new ShapeError("layerNorm: x [T=1, idx=3] against gain [idx=2] and bias [idx=2]"),
      );
    });
  });
}
