/**
 * Guesses which experts the next layer will want, so that they can be read while something else is computed.
 *
 * From layer to layer the residual stream changes little. So the next router, asked what it thinks of what
 * this layer has seen, names most of the experts that it will choose: about 70 of 100 in GLM-5.2. A
 * guess decides when an expert is read, and never what is computed.
 *
 * Next: streamed-layers.ts
 * @module
 */
import type { Tensor } from "../base/tensor.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { routeRule } from "../model/moe.ts";
import type { MoeWeights } from "../model/weights.ts";
import type { Ops } from "../ops/ops.ts";

/** What chooses experts. */
export type Router = Pick<MoeWeights, "router" | "eScoreCorrectionBias">;

/**
 * The experts that these tokens would most likely choose: of many, those that would get the largest
 * weights together. They are ascending, as they will be asked for.
 */
export function likelyExperts(
  ops: Ops,
  config: ModelConfig,
  { router, eScoreCorrectionBias }: Router,
  x: Tensor<["T", "hidden"]>,
  atMost: number,
): number[] {
  const mark = ops.mark();
  const logits = ops.linear(x, router);
  const { experts, weights } = ops.route(logits, eScoreCorrectionBias, routeRule(config));
  const sums = new Map<number, number>();
  experts.data.forEach((e, i) => {
    sums.set(e, (sums.get(e) ?? 0) + weights.data[i]);
  });
  ops.release(mark);
  const likeliest = [...sums].sort(([a, m], [b, n]) => n - m || a - b).slice(0, atMost);
  return likeliest.map(([e]) => e).sort((a, b) => a - b);
}
