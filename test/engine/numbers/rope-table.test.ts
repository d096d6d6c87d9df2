/** The angles of the rotary embedding (MODEL: `angle[p,j] = p · θ^(−2j/rope)`). */
import { describe, expect, test } from "vitest";
import { positionsFrom, ropeTable } from "../../../engine/numbers/rope-table.ts";

const THETA = 8_000_000;

describe("ropeTable", () => {
  test("in f64 the angle of position 3, pair j is 3 · 8000000^(−2j/64), within 1e-13", () => {
    const { cos, sin, nPairs } = ropeTable(positionsFrom(3, 1), 64, THETA, "f64");
    expect(nPairs).toBe(32);
    for (let j = 0; j < 32; j++) {
      const angle = 3 * THETA ** ((-2 * j) / 64);
      expect(Math.abs(cos[j] - Math.cos(angle))).toBeLessThanOrEqual(1e-13);
      expect(Math.abs(sin[j] - Math.sin(angle))).toBeLessThanOrEqual(1e-13);
    }
  });

  test.each(["f32", "f64"] as const)(
    "rows of a table that starts at 5 are those of one that starts at 0 (%s)",
    (precision) => {
      const whole = ropeTable(positionsFrom(0, 9), 8, THETA, precision);
      const part = ropeTable(positionsFrom(5, 4), 8, THETA, precision);
      expect(part.cos).toEqual(whole.cos.slice(20));
      expect(part.sin).toEqual(whole.sin.slice(20));
    },
  );

  test("in f32, power, inverse and product are rounded as torch rounds them: position 1000003", () => {
    const { cos, sin } = ropeTable(positionsFrom(1_000_003, 1), 64, THETA, "f32");
    for (let j = 0; j < 32; j++) {
      const power = Math.fround(THETA ** Math.fround((2 * j) / 64));
      const angle = Math.fround(1_000_003 * Math.fround(1 / power));
      expect(Math.abs(cos[j] - Math.cos(angle))).toBeLessThanOrEqual(2 ** -24);
      expect(Math.abs(sin[j] - Math.sin(angle))).toBeLessThanOrEqual(2 ** -24);
    }
  });

  test("those roundings move some angle near position 1000000 by more than 1e-2 rad", () => {
    const [a, b] = (["f32", "f64"] as const).map((p) =>
      ropeTable(positionsFrom(1_000_003, 1), 64, THETA, p),
    );
    const off = Array.from(a.cos, (c, j) => Math.hypot(c - b.cos[j], a.sin[j] - b.sin[j]));
    expect(Math.max(...off)).toBeGreaterThan(1e-2);
  });

  test("another base gives other angles from pair 1 on, the same in pair 0 (G03)", () => {
    const [a, b] = [THETA, 10_000].map((theta) => ropeTable(positionsFrom(7, 1), 8, theta, "f64"));
    expect(a.cos[0]).toBe(b.cos[0]);
    for (const j of [1, 2, 3]) expect(a.cos[j]).not.toBe(b.cos[j]);
  });
});
