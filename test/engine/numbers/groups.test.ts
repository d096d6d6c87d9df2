import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromF16 } from "../../../engine/numbers/formats.ts";
import { fromGroups, toGroups } from "../../../engine/numbers/groups.ts";
import { GROUP } from "../../../engine/numbers/raw-tensor.ts";

/** One group of f32 numbers of any size that an f16 scale reaches. */
const group = fc
  .tuple(
    fc.integer({ min: -20, max: 14 }),
    fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: GROUP, maxLength: GROUP }),
  )
  .map(([e, x]) => Float32Array.from(x, (v) => v * 2 ** e));

/** By how much an f16 may miss a scale: half a unit in its last place. */
function scaleError(scale: number): number {
  return Math.max(Math.abs(scale) * 2 ** -11, 2 ** -25);
}

function farthest(x: Float32Array): number {
  return x.reduce((m, v) => (Math.abs(v) > Math.abs(m) ? v : m), 0);
}

describe("groups", () => {
  it("q8 stays within half a step, and 127 times the rounding of the scale", () => {
    fc.assert(
      fc.property(group, (x) => {
        const scale = Math.abs(farthest(x)) / 127;
        const bound = scale * (0.5 + 2 ** -16) + 127 * scaleError(scale);
        fromGroups("q8", toGroups("q8", x)).forEach((y, i) => {
          expect(Math.abs(y - x[i])).toBeLessThanOrEqual(bound);
        });
      }),
    );
  });

  it("q4 stays within a step opposite the largest number, within half a step elsewhere", () => {
    fc.assert(
      fc.property(group, (x) => {
        const m = farthest(x);
        const step = Math.abs(m) / 8;
        const slack = step * 2 ** -16 + 8 * scaleError(step);
        fromGroups("q4", toGroups("q4", x)).forEach((y, i) => {
          const isOpposite = x[i] * -Math.sign(m) > 7.5 * step * (1 - 2 ** -20);
          expect(Math.abs(y - x[i])).toBeLessThanOrEqual(step * (isOpposite ? 1 : 0.5) + slack);
        });
      }),
    );
  });

  it("q4 has an error that q8's bound excludes", () => {
    const x = Float32Array.from({ length: GROUP }, (_, i) => Math.sin(i + 1));
    const scale = Math.abs(farthest(x)) / 127;
    const errors = fromGroups("q4", toGroups("q4", x)).map((y, i) => Math.abs(y - x[i]));
    expect(Math.max(...errors)).toBeGreaterThan(scale * 0.5 + 127 * scaleError(scale));
  });

  it("packs by hand-computed numbers: halves go away from zero, nibbles 0 and 16 share a byte", () => {
    const x = new Float32Array(GROUP);
    x.set([127, 0.5, -0.5, 1.5, -127]);
    const q8 = toGroups("q8", x);
    expect(fromF16(q8.scales[0])).toBe(1);
    expect([...new Int8Array(q8.quants.buffer).subarray(0, 6)]).toEqual([127, 1, -1, 2, -127, 0]);

    const y = new Float32Array(GROUP);
    y.set([-8, 8, 1, 0.5]);
    y[16] = 3;
    const q4 = toGroups("q4", y);
    expect(fromF16(q4.scales[0])).toBe(1);
    // n = x + 8: −8 → 0, 8 → 15 (clamped), 1 → 9, 0.5 → 9, 3 → 11, 0 → 8
    expect([...q4.quants.subarray(0, 5)]).toEqual([0xb0, 0x8f, 0x89, 0x89, 0x88]);
  });

  it("gives zeros back, and refuses what an f16 scale cannot reach or what is cut off", () => {
    const zeros = new Float32Array(GROUP);
    for (const format of ["q8", "q4"] as const) {
      expect(fromGroups(format, toGroups(format, zeros)).every((x) => x === 0)).toBe(true);
      expect(() => toGroups(format, new Float32Array(GROUP).fill(1e8))).toThrow(
        `${format}: expected a group that an f16 scale can reach, got 100000000`,
      );
      expect(() => toGroups(format, new Float32Array(33))).toThrow("a multiple of 32 numbers");
    }
  });
});
