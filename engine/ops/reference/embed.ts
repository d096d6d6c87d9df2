import { floatsLike, type Tensor, type Weight } from "../../base/tensor.ts";
import { checkEmbed } from "../doors.ts";
import { floatsOf } from "./memory.ts";

/**
 * `y[t] = E[tokens[t]]`. The embedding is not scaled.
 *
 * @throws {ShapeError} when a token id is not a row of the table
 */
export function embed(
  tokens: Int32Array,
  table: Weight<["vocab", "hidden"]>,
): Tensor<["T", "hidden"]> {
  checkEmbed(tokens, table);
  const [, nHidden] = table.shape;
  const e = floatsOf(table);
  const y = floatsLike(e, tokens.length * nHidden);
  tokens.forEach((token, t) => {
    y.set(e.subarray(token * nHidden, (token + 1) * nHidden), t * nHidden);
  });
  return { dims: ["T", "hidden"], shape: [tokens.length, nHidden], data: y };
}
