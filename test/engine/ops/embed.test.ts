/** Tests of `embed`: the look-up of token embeddings. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { weight } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";

for (const { name, ops } of BACKENDS) {
  describe(`embed (${name})`, () => {
    const table = weight(ops, ["vocab", "hidden"], [3, 2], [1, 2, 3, 4, 5, 6]);

    test("takes the row of each token, unscaled, as often as it occurs", () => {
      const y = ops.embed(Int32Array.of(2, 0, 2), table);
      expect([...ops.read(y)]).toEqual([5, 6, 1, 2, 5, 6]);
      expect(y.dims).toEqual(["T", "hidden"]);
      expect(y.shape).toEqual([3, 2]);
    });

    test.each([-1, 3])("token %d has no row and is refused", (token) => {
      expect(() => ops.embed(Int32Array.of(0, token), table)).toThrow(
        new ShapeError(`embed: token ${token} at 1 is outside 0 … 2`),
      );
    });
  });
}
