/**
 * The weights of experts that somebody else has chosen.
 * @module
 */

import { floatsLike, type Indices, type Tensor } from "../../../engine/base/tensor.ts";
import { sigmoid } from "../../../engine/numbers/math.ts";
import type { RouteRule } from "../../../engine/ops/ops.ts";

/** What `route` would give the experts, had it chosen them. */
export function weighExperts(
  logits: Tensor<["T", "E"]>,
  experts: Indices<["T", "A"]>,
  rule: RouteRule,
): Tensor<["T", "A"]> {
  const [nT, nActive] = experts.shape;
  const nE = logits.shape[1];
  const s = Array.from(experts.data, (e, i) =>
    sigmoid(logits.data[Math.floor(i / nActive) * nE + e]),
  );
  const data = floatsLike(logits.data, nT * nActive);
  for (let at = 0; at < data.length; at += nActive) {
    const row = s.slice(at, at + nActive);
    const sum = rule.normTopkProb ? row.reduce((a, b) => a + b, 0) + 1e-20 : 1;
    row.forEach((x, a) => {
      data[at + a] = (x / sum) * rule.scale;
    });
  }
  return { dims: ["T", "A"], shape: [nT, nActive], data };
}
