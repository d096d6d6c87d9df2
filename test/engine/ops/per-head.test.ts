/** Tests of `perHead`: products with one matrix for each head. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { gaussians, random, randomWeight, weight } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";

for (const { name, ops } of BACKENDS) {
  describe(`perHead (${name})`, () => {
    test("each head meets its own matrix", () => {
      const x = ops.tensor(["T", "H", "nope"], [1, 2, 2], [1, 2, 3, 4]);
      const w = weight(ops, ["H", "kvLora", "nope"], [2, 1, 2], [10, 1, 100, 1000]);
      const y = ops.perHead(x, w);
      expect([...ops.read(y)]).toEqual([12, 4300]);
      expect(y.dims).toEqual(["T", "H", "kvLora"]);
      expect(y.shape).toEqual([1, 2, 1]);
    });

    test("each head equals a linear of that head, bit for bit", () => {
      const x = random(ops, ["T", "H", "nope"], [3, 4, 5], 1);
      const w = randomWeight(ops, ["H", "kvLora", "nope"], [4, 6, 5], 2);
      const y = ops.read(ops.perHead(x, w));
      const [xs, ws] = [ops.read(x), gaussians(4 * 6 * 5, 2)];
      for (let h = 0; h < 4; h++) {
        const head = xs.filter((_, i) => Math.floor(i / 5) % 4 === h);
        const one = ops.linear(
          ops.tensor(["T", "nope"], [3, 5], head),
          weight(ops, ["kvLora", "nope"], [6, 5], ws.slice(h * 30, (h + 1) * 30)),
        );
        expect([...ops.read(one)]).toEqual([...y.filter((_, i) => Math.floor(i / 6) % 4 === h)]);
      }
    });

    test("other lengths are refused, and both sides are shown", () => {
      const x = ops.tensor(["T", "H", "nope"], [1, 2, 2], [1, 2, 3, 4]);
      const heads = weight(ops, ["H", "kvLora", "nope"], [1, 1, 2], [1, 1]);
      expect(() => ops.perHead(x, heads)).toThrow(
        new ShapeError("perHead: x [T=1, H=2, nope=2] against w [H=1, kvLora=1, nope=2]"),
      );
      const width = weight(ops, ["H", "kvLora", "nope"], [2, 1, 1], [1, 1]);
      expect(() => ops.perHead(x, width)).toThrow(ShapeError);
    });
  });
}
