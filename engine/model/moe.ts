/**
 * Mixture of experts. It is the reason why only about 40 of 743 billion parameters take part in one
 * token.
 *
 * For each token, a router chooses `numExpertsPerTok` of `nRoutedExperts` small SwiGLU blocks, and
 * only these run. One more block, the shared expert, runs for every token.
 *
 * Next: attention.ts
 * @module
 */

import type { Tensor } from "../base/tensor.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { RouteRule } from "../ops/ops.ts";
import { mlp } from "./mlp.ts";
import type { Step } from "./step.ts";
import type { MoeWeights } from "./weights.ts";

/**
 * `Σ_i g_i · expert_i(x) + shared(x)`
 *
 * The scaling factor (2.5 in GLM-5.2) is part of `g`. It is not applied to the shared expert.
 *
 * @see DeepSeek-V3, arXiv 2412.19437, §2.1.2 · HF `GlmMoeDsaMoE.forward`
 */
export function moe(
  { ops, cfg, tap }: Step,
  w: MoeWeights,
  x: Tensor<["T", "hidden"]>,
): Tensor<["T", "hidden"]> {
  const logits = tap("ffn_moe_logits", ops.linear(x, w.router));
  const routing = ops.route(logits, w.eScoreCorrectionBias, routeRule(cfg));
  tap("ffn_moe_topk", routing.experts);
  tap("ffn_moe_weights", routing.weights);

  const routed = tap("ffn_moe_out", ops.experts(x, routing, w.experts));
  w.experts.foresee?.(x);
  const shared = tap("ffn_shexp", mlp(ops, w.shared, x));
  return ops.add(routed, shared);
}

/** The fields of the config that routing depends on. */
export function routeRule(cfg: ModelConfig): RouteRule {
  return {
    nActive: cfg.numExpertsPerTok,
    nGroup: cfg.nGroup,
    topkGroup: cfg.topkGroup,
    normTopkProb: cfg.normTopkProb,
    scale: cfg.routedScalingFactor,
  };
}
