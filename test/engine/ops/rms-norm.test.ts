/** Tests of `rmsNorm`. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { random, weight } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";
import { expectClose } from "./expect-close.ts";

for (const backend of BACKENDS) {
  const { name, ops } = backend;
  const ones = (n: number) => weight(ops, ["hidden"], [n], new Float32Array(n).fill(1));

  describe(`rmsNorm (${name})`, () => {
    test("[3, 4] has the root mean square √12.5", () => {
      const x = ops.tensor(["T", "hidden"], [1, 2], [3, 4]);
      const g = weight(ops, ["hidden"], [2], [1, 10]);
      expectClose(backend, ops.rmsNorm(x, g, 0), [3 / Math.sqrt(12.5), 40 / Math.sqrt(12.5)]);
    });

    test("eps stands under the root, beside the mean square", () => {
      const x = ops.tensor(["T", "hidden"], [1, 2], [3, 4]);
      expectClose(backend, ops.rmsNorm(x, ones(2), 3.5), [3 / 4, 4 / 4]);
    });

    test("for latents of rms 1e-3, eps 1e-5 instead of 1e-6 shrinks the result to 0.43 (G17)", () => {
      const x = ops.tensor(["T", "hidden"], [1, 2], [1e-3, -1e-3]);
      const [small, large] = [1e-6, 1e-5].map((eps) => ops.read(ops.rmsNorm(x, ones(2), eps))[0]);
      expect(large / small).toBeCloseTo(0.4264, 4);
    });

    test("the mean stays: a constant row becomes ones, not zeros", () => {
      const x = ops.tensor(["T", "hidden"], [1, 3], [7, 7, 7]);
      expectClose(backend, ops.rmsNorm(x, ones(3), 0), [1, 1, 1]);
    });

    test("every row gets the mean square 1", () => {
      const y = ops.read(ops.rmsNorm(random(ops, ["T", "hidden"], [4, 50], 1), ones(50), 0));
      for (let t = 0; t < 4; t++) {
        const row = y.slice(t * 50, (t + 1) * 50);
        expect([...row].reduce((sum, v) => sum + v * v, 0) / 50).toBeCloseTo(1, 6);
      }
    });

    test("a row of zeros stays zeros", () => {
      const x = ops.tensor(["T", "hidden"], [1, 2], [0, 0]);
      expect([...ops.read(ops.rmsNorm(x, ones(2), 1e-5))]).toEqual([0, 0]);
    });

    test("other lengths are refused, and both sides are shown", () => {
      const x = ops.tensor(["T", "hidden"], [1, 2], [1, 2]);
      expect(() => ops.rmsNorm(x, ones(3), 1e-5)).toThrow(
        new ShapeError("rmsNorm: x [T=1, hidden=2] against gain [hidden=3]"),
      );
    });
  });
}
