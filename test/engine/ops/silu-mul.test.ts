/** Tests of `siluMul`, the activation of SwiGLU. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import { BACKENDS } from "./backends.ts";
import { expectClose } from "./expect-close.ts";

for (const backend of BACKENDS) {
  const { name, ops } = backend;
  describe(`siluMul (${name})`, () => {
    test("silu(0) = 0, silu(1) = 1 / (1 + 1/e), silu(−1) = −1 / (1 + e), times up", () => {
      const gate = ops.tensor(["T", "ffn"], [1, 3], [0, 1, -1]);
      const up = ops.tensor(["T", "ffn"], [1, 3], [5, 2, 3]);
      const want = [0, 2 / (1 + 1 / Math.E), -3 / (1 + Math.E)];
      expectClose(backend, ops.siluMul(gate, up), want);
    });

    test("gate and up are not the same (G39)", () => {
      const a = ops.tensor(["T", "ffn"], [1, 1], [1]);
      const b = ops.tensor(["T", "ffn"], [1, 1], [-2]);
      expect(ops.read(ops.siluMul(a, b))[0]).toBeCloseTo(-1.4621, 4);
      expect(ops.read(ops.siluMul(b, a))[0]).toBeCloseTo(-0.2384, 4);
    });

    test("is finite at ±1e30", () => {
      const gate = ops.tensor(["T", "ffn"], [1, 2], [1e30, -1e30]);
      const up = ops.tensor(["T", "ffn"], [1, 2], [1, 1]);
      const [big, none] = ops.read(ops.siluMul(gate, up));
      expect(big).toBeCloseTo(Math.fround(1e30), -24);
      expect(Math.abs(none)).toBe(0);
    });

    test("other lengths are refused, and both sides are shown", () => {
      const gate = ops.tensor(["T", "ffn"], [1, 2], [1, 2]);
      const up = ops.tensor(["T", "ffn"], [2, 1], [1, 2]);
      expect(() => ops.siluMul(gate, up)).toThrow(
        new ShapeError("siluMul: gate [T=1, ffn=2] against up [T=2, ffn=1]"),
      );
    });
  });
}
