import { floatsLike, type Tensor } from "../../base/tensor.ts";
import { checkAdd } from "../doors.ts";

/** `y = a + b`: the residual stream takes a block's contribution. */
export function add<T extends string, C extends string>(
  a: Tensor<[T, C]>,
  b: Tensor<[NoInfer<T>, NoInfer<C>]>,
): Tensor<[T, C]> {
  checkAdd(a, b);
  const y = floatsLike(a.data, a.data.length);
  for (let i = 0; i < y.length; i++) y[i] = a.data[i] + b.data[i];
  return { dims: a.dims, shape: a.shape, data: y };
}
