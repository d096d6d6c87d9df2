import { describe, expect, test } from "vitest";
import { ShapeError } from "../../engine/tensor.ts";
import { encodeF32 } from "../../engine/weights/dtypes.ts";
import { random } from "../support/random.ts";
import { BACKENDS } from "./backends.ts";

for (const { name, ops } of BACKENDS) {
  describe(`memory (${name})`, () => {
    test("a placed weight keeps its numbers when the bytes it came from change", () => {
      const raw = encodeF32([1, 2], [3, 4]);
      const w = ops.place(["o", "i"], [1, 2], raw);
      raw.bytes.fill(0);
      const x = ops.tensor(["T", "i"], [1, 2], [1, 1]);
      expect([...ops.read(ops.linear(x, w))]).toEqual([7]);
    });

    test("a weight of another size than its shape is refused", () => {
      const raw = encodeF32([3], [1, 2, 3]);
      expect(() => ops.place(["o", "i"], [1, 2], raw)).toThrow(
        new ShapeError("place [o=1, i=2]: 3 values"),
      );
    });

    test("a tensor of another size than its shape is refused", () => {
      expect(() => ops.tensor(["T", "i"], [2, 2], [1, 2, 3])).toThrow(
        new ShapeError("tensor [T=2, i=2]: 3 values"),
      );
    });

    test("rows written at 2 and 3 leave 0 and 1 as they were", () => {
      const rows = ops.newRows("i", 2, 4);
      ops.writeRows(rows, 0, ops.tensor(["T", "i"], [2, 2], [1, 2, 3, 4]));
      ops.writeRows(rows, 2, ops.tensor(["T", "i"], [2, 2], [5, 6, 7, 8]));
      expect([...ops.read(ops.readRows(rows, 4))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect([...ops.read(ops.readRows(rows, 1))]).toEqual([1, 2]);
    });

    test("rows past the capacity, or of another width, are refused", () => {
      const rows = ops.newRows("i", 2, 4);
      const x = ops.tensor(["T", "i"], [2, 2], [1, 2, 3, 4]);
      expect(() => ops.writeRows(rows, 3, x)).toThrow(
        new ShapeError("writeRows [T=2, i=2] at 3 into 4 rows of 2"),
      );
      const wide = ops.tensor(["T", "i"], [1, 3], [1, 2, 3]);
      expect(() => ops.writeRows(rows, 0, wide)).toThrow(ShapeError);
      expect(() => ops.readRows(rows, 5)).toThrow(ShapeError);
    });

    test("what is read stays, whatever is written after", () => {
      const rows = ops.newRows("i", 1, 2);
      ops.writeRows(rows, 0, ops.tensor(["T", "i"], [1, 1], [1]));
      const before = ops.read(ops.readRows(rows, 1));
      ops.writeRows(rows, 0, ops.tensor(["T", "i"], [1, 1], [2]));
      expect([...before]).toEqual([1]);
    });

    test("keep returns both tensors with their numbers", () => {
      const mark = ops.mark();
      const [a, b] = [1, 2].map((seed) => random(ops, ["T", "i"], [2, 3], seed));
      random(ops, ["T", "i"], [9, 9], 3);
      const values = [a, b].map((x) => ops.read(x));
      const kept = ops.keep(mark, a, b);
      expect(kept.map((x) => ops.read(x))).toEqual(values);
      ops.release(mark);
    });

    test(`activations are stored in ${ops.precision}`, () => {
      const third = ops.read(ops.tensor(["T", "i"], [1, 1], [1 / 3]))[0];
      expect(third).toBe(ops.precision === "f32" ? Math.fround(1 / 3) : 1 / 3);
    });
  });
}
