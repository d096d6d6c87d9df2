// silu-mul: y = silu(gate) ⊙ up, silu(g) = g / (1 + e^−g)
//
// Specification: engine/ops/reference/silu-mul.ts
// Difference:    f32, with exp4 of exp.ts. With e = e^−|g|, which cannot overflow, silu(g) is
//                g / (1 + e) for g ≥ 0 and g e / (1 + e) below.
// Requires:      y, gate and up hold n numbers, rounded up to a multiple of 4; those beyond n do not
//                matter.
import { exp4 } from "./exp";

export function siluMul(y: usize, gate: usize, up: usize, n: i32): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const end = y + ((<usize>n) << 2);
  while (y < end) {
    const g = v128.load(gate);
    const e = exp4(f32x4.neg(f32x4.abs(g)));
    const numerator = v128.bitselect(f32x4.mul(g, e), g, f32x4.lt(g, zero));
    const silu = f32x4.div(numerator, f32x4.add(one, e));
    v128.store(y, f32x4.mul(silu, v128.load(up)));
    y += 16;
    gate += 16;
    up += 16;
  }
}
