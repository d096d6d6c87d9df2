/** Tests of `place`, `mark`, `release` and `keep`: the memory of a backend. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { encodeF32 } from "../../../engine/numbers/formats.ts";
import { random } from "../../support/random.ts";
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

    test("a shelf takes other weights when it is cleared, and lends bytes that may be read into", () => {
      const shelf = ops.shelf();
      const x = ops.tensor(["T", "i"], [1, 16], new Array(16).fill(1));
      for (const value of [2, 3]) {
        const raw = encodeF32([1, 16], new Array(16).fill(value));
        const bytes = shelf.room(64, 40);
        bytes.set(raw.bytes);
        const read = shelf.place(["o", "i"], [1, 16], { ...raw, bytes });
        const narrow = encodeF32([1, 5], new Array(5).fill(value)); // not a whole vector
        const copied = shelf.place(["o", "i"], [1, 5], narrow);
        expect([...ops.read(ops.linear(x, read))]).toEqual([16 * value]);
        const five = ops.tensor(["T", "i"], [1, 5], new Array(5).fill(1));
        expect([...ops.read(ops.linear(five, copied))]).toEqual([5 * value]);
        shelf.clear();
      }
    });

    test("a tensor of another size than its shape is refused", () => {
      expect(() => ops.tensor(["T", "i"], [2, 2], [1, 2, 3])).toThrow(
        new ShapeError("tensor [T=2, i=2]: 3 values"),
      );
    });

    test("blocks of rows do not overlap, keep their bytes, and are used again when given back", () => {
      const memory = ops.rowMemory();
      const sizes = [100, 64, 100, 7];
      const blocks = sizes.map((size) => memory.take(size));
      blocks.forEach((at, i) => {
        memory.bytes.fill(i + 1, at, at + sizes[i]);
      });
      blocks.forEach((at, i) => {
        expect(new Set(memory.bytes.subarray(at, at + sizes[i]))).toEqual(new Set([i + 1]));
        expect(memory.view.getUint8(at)).toBe(i + 1);
      });
      memory.give(blocks[0], 100);
      expect(new Set(memory.bytes.subarray(blocks[0], blocks[0] + 100))).toEqual(new Set([0xff]));
      expect(memory.take(64)).not.toBe(blocks[0]);
      expect(memory.take(100)).toBe(blocks[0]);
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
