/** Tests of `ropeInterleaved`: the rotary embedding of neighbouring channels. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { positionsFrom, ropeTable } from "../../../engine/numbers/rope-table.ts";
import { halfSplitRope } from "../../../tools/golden/mutants/wrong-ops.ts";
import { random } from "../../support/random.ts";
import { BACKENDS } from "./backends.ts";
import { expectClose } from "./expect-close.ts";

const quarterTurn = { nPairs: 2, cos: Float64Array.of(0, 1), sin: Float64Array.of(1, 0) };

for (const backend of BACKENDS) {
  const { name, ops } = backend;
  const { precision } = ops;

  describe(`ropeInterleaved (${name})`, () => {
    test("turns the neighbours (x0, x1) by pair 0 and (x2, x3) by pair 1 (G13)", () => {
      const x = ops.tensor(["T", "rope"], [1, 4], [1, 2, 3, 4]);
      expect([...ops.read(ops.ropeInterleaved(x, quarterTurn))]).toEqual([-2, 1, 3, 4]);
    });

    test("is not the half-split form, which would turn (x0, x2)", () => {
      const x = ops.tensor(["T", "rope"], [1, 4], [1, 2, 3, 4]);
      expect([...halfSplitRope(x, quarterTurn).data]).toEqual([-3, 2, 1, 4]);
    });

    test("three tokens with 4 rope channels, by the formula with Math.cos and Math.sin (G13)", () => {
      const x = random(ops, ["T", "rope"], [3, 4], 1);
      const values = ops.read(x);
      const want = [...values].map((_, i) => {
        const [t, j, odd] = [Math.floor(i / 4), Math.floor((i % 4) / 2), i % 2];
        const angle = t * 10_000 ** (-j / 2);
        const [a, b] = [values[t * 4 + 2 * j], values[t * 4 + 2 * j + 1]];
        return odd
          ? b * Math.cos(angle) + a * Math.sin(angle)
          : a * Math.cos(angle) - b * Math.sin(angle);
      });
      expectClose(
        backend,
        ops.ropeInterleaved(x, ropeTable(positionsFrom(0, 3), 4, 10_000, precision)),
        want,
      );
    });

    test("all heads of a token turn alike", () => {
      const x = ops.tensor(["T", "H", "rope"], [2, 2, 2], [1, 2, 1, 2, 1, 2, 1, 2]);
      const y = ops.read(ops.ropeInterleaved(x, ropeTable(positionsFrom(5, 2), 2, 100, precision)));
      expect(y.slice(0, 2)).toEqual(y.slice(2, 4));
      expect(y.slice(4, 6)).toEqual(y.slice(6, 8));
      expect(y.slice(0, 2)).not.toEqual(y.slice(4, 6));
    });

    test("position 0 is left as it is, bit for bit", () => {
      const x = random(ops, ["T", "rope"], [1, 8], 2);
      expect(
        ops.read(ops.ropeInterleaved(x, ropeTable(positionsFrom(0, 1), 8, 8e6, precision))),
      ).toEqual(ops.read(x));
    });

    test("keeps the length of every pair", () => {
      fc.assert(
        fc.property(fc.nat(2 ** 20), fc.nat(1000), (position, seed) => {
          const x = random(ops, ["T", "rope"], [1, 8], seed);
          const y = ops.read(
            ops.ropeInterleaved(x, ropeTable(positionsFrom(position, 1), 8, 8e6, precision)),
          );
          const values = ops.read(x);
          for (let j = 0; j < 4; j++) {
            const [before, after] = [values, y].map((v) => Math.hypot(v[2 * j], v[2 * j + 1]));
            expect(Math.abs(after - before)).toBeLessThanOrEqual(before * 3e-7);
          }
        }),
        { numRuns: 50, seed: 1 },
      );
    });

    test("dot products depend on the difference of positions only, to 1e-11 in f64 and 1e-3 in f32, below position 1000", () => {
      fc.assert(
        fc.property(fc.nat(500), fc.nat(500), fc.nat(499), fc.nat(1000), (p, s, move, seed) => {
          const q = random(ops, ["T", "rope"], [1, 8], seed);
          const k = random(ops, ["T", "rope"], [1, 8], seed + 5000);
          const dot = (shift: number): number => {
            const [a, b] = [
              ops.ropeInterleaved(q, ropeTable(positionsFrom(p + shift, 1), 8, 1000, precision)),
              ops.ropeInterleaved(k, ropeTable(positionsFrom(s + shift, 1), 8, 1000, precision)),
            ].map((x) => ops.read(x));
            return [...a].reduce((sum, x, i) => sum + x * b[i], 0);
          };
          // f32 rounds angles near 1000 by up to 2^-15, and each of four pairs has a length of a few.
          const limit = precision === "f64" ? 1e-11 : 1e-3;
          expect(Math.abs(dot(move) - dot(0))).toBeLessThanOrEqual(limit);
        }),
        { numRuns: 50, seed: 1 },
      );
    });

    test("another number of rows or pairs is refused, and both sides are shown", () => {
      const x = random(ops, ["T", "rope"], [3, 4], 1);
      expect(() =>
        ops.ropeInterleaved(x, ropeTable(positionsFrom(0, 2), 4, 100, precision)),
      ).toThrow(
        new ShapeError("ropeInterleaved: x [T=3, rope=4] against a table of 2 positions, 2 pairs"),
      );
      expect(() =>
        ops.ropeInterleaved(x, ropeTable(positionsFrom(0, 3), 8, 100, precision)),
      ).toThrow(ShapeError);
    });
  });
}
