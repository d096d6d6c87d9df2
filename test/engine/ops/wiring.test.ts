/** Tests of the ops that split and join tensors. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { random } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";

for (const { name, ops } of BACKENDS) {
  describe(`wiring (${name})`, () => {
    const x = ops.tensor(["T", "a+b"], [2, 3], [1, 2, 3, 4, 5, 6]);

    test("split cuts every row after nA numbers", () => {
      const [a, b] = ops.split(x, "a", 1, "b");
      expect([...ops.read(a)]).toEqual([1, 4]);
      expect([...ops.read(b)]).toEqual([2, 3, 5, 6]);
      expect([a.dims, a.shape, b.dims, b.shape]).toEqual([
        ["T", "a"],
        [2, 1],
        ["T", "b"],
        [2, 2],
      ]);
    });

    test("join undoes split, bit for bit", () => {
      const wide = random(ops, ["T", "a+b"], [5, 7], 1);
      const y = ops.join(...ops.split(wide, "a", 3, "b"));
      expect([y.dims, y.shape]).toEqual([wide.dims, wide.shape]);
      expect(ops.read(y)).toEqual(ops.read(wide));
    });

    test("splitEach cuts every head of every row", () => {
      const q = ops.tensor(["T", "H", "a+b"], [1, 2, 3], [1, 2, 3, 4, 5, 6]);
      const [a, b] = ops.splitEach(q, "a", 2, "b");
      expect([...ops.read(a)]).toEqual([1, 2, 4, 5]);
      expect([...ops.read(b)]).toEqual([3, 6]);
    });

    test("joinEach undoes splitEach, bit for bit", () => {
      const wide = random(ops, ["T", "H", "a+b"], [3, 2, 5], 2);
      const y = ops.joinEach(...ops.splitEach(wide, "a", 2, "b"));
      expect([y.dims, y.shape]).toEqual([wide.dims, wide.shape]);
      expect(ops.read(y)).toEqual(ops.read(wide));
    });

    test("splitHeads and joinHeads rename and move nothing", () => {
      const flat = ops.tensor(["T", "H*d"], [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
      const heads = ops.splitHeads(flat, "H", 2, "d");
      expect([heads.dims, heads.shape]).toEqual([
        ["T", "H", "d"],
        [2, 2, 2],
      ]);
      expect(ops.read(heads)).toEqual(ops.read(flat));
      const back = ops.joinHeads(heads);
      expect([back.dims, back.shape]).toEqual([flat.dims, flat.shape]);
    });

    test("slice takes rows", () => {
      const y = ops.slice(x, 1, 2);
      expect([...ops.read(y)]).toEqual([4, 5, 6]);
      expect(y.shape).toEqual([1, 3]);
      expect(ops.slice(x, 1, 1).shape).toEqual([0, 3]);
    });

    test("cuts outside of the tensor are refused", () => {
      expect(() => ops.split(x, "a", 4, "b")).toThrow(
        new ShapeError("split: columns 0 … 4 of [T=2, a+b=3]"),
      );
      expect(() => ops.slice(x, 1, 3)).toThrow(new ShapeError("slice: rows 1 … 3 of [T=2, a+b=3]"));
      const flat = ops.tensor(["T", "H*d"], [1, 4], [1, 2, 3, 4]);
      expect(() => ops.splitHeads(flat, "H", 3, "d")).toThrow(
        new ShapeError("splitHeads: 3 heads do not divide [T=1, H*d=4]"),
      );
      const longer = ops.tensor(["T", "b"], [3, 1], [1, 2, 3]);
      expect(() => ops.join(x as never, longer as never)).toThrow(
        new ShapeError("join: a [T=2, a+b=3] against b [T=3, b=1]"),
      );
    });
  });
}
