import { floatsLike, type Tensor } from "../../base/tensor.ts";
import { sigmoid } from "../../numbers/math.ts";
import { checkSiluMul } from "../doors.ts";

/**
 * `y = silu(gate) ⊙ up`, `silu(x) = x · sigmoid(x)`: the gate of SwiGLU.
 *
 * @see Shazeer, GLU Variants Improve Transformer, arXiv 2002.05202
 */
export function siluMul<T extends string, C extends string>(
  gate: Tensor<[T, C]>,
  up: Tensor<[NoInfer<T>, NoInfer<C>]>,
): Tensor<[T, C]> {
  checkSiluMul(gate, up);
  const y = floatsLike(gate.data, gate.data.length);
  for (let i = 0; i < y.length; i++) y[i] = gate.data[i] * sigmoid(gate.data[i]) * up.data[i];
  return { dims: gate.dims, shape: gate.shape, data: y };
}
