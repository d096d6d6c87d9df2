/** Tests of `add`: the sum of two tensors. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { random } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";

for (const { name, ops } of BACKENDS) {
  describe(`add (${name})`, () => {
    const a = ops.tensor(["T", "hidden"], [2, 2], [1, 2, 3, 4]);

    test("adds element by element", () => {
      const b = ops.tensor(["T", "hidden"], [2, 2], [10, 20, -3, 0.5]);
      expect([...ops.read(ops.add(a, b))]).toEqual([11, 22, 0, 4.5]);
    });

    test("does not depend on the order of the two", () => {
      const [x, y] = [1, 2].map((seed) => random(ops, ["T", "hidden"], [3, 5], seed));
      expect(ops.read(ops.add(x, y))).toEqual(ops.read(ops.add(y, x)));
    });

    test("does not write to its inputs", () => {
      ops.add(a, a);
      expect([...ops.read(a)]).toEqual([1, 2, 3, 4]);
    });

    test("other lengths are refused, and both sides are shown", () => {
      const b = ops.tensor(["T", "hidden"], [1, 4], [1, 2, 3, 4]);
      expect(() => ops.add(a, b)).toThrow(
        new ShapeError("add: a [T=2, hidden=2] against b [T=1, hidden=4]"),
      );
    });
  });
}
