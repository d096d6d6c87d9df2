import { type Floats, floatsLike, type Tensor, type Weight } from "../../base/tensor.ts";
import { sigmoid } from "../../numbers/math.ts";
import { checkRoute } from "../doors.ts";
import type { RouteRule, Routing } from "../ops.ts";
import { floatsOf } from "./memory.ts";

/**
 * Sigmoid router with a bias that only selects ("noaux_tc").
 *
 * `s[e] = sigmoid(logits[t,e])`; the `nActive` largest `s[e] + bias[e]` are chosen, equal ones by
 * the smaller `e`; their weights are `s[e]`, without the bias, divided by their sum (`+ 1e-20`) if
 * `normTopkProb`, times `scale`. Experts are listed in ascending order.
 *
 * With `nGroup > 1` only experts of the `topkGroup` best groups may be chosen; a group is as good
 * as the sum of its two largest biased scores. GLM-5.2 has one group.
 *
 * The biases of the real model are nearly equal (6.82 … 7.06): everything here is f64, and no
 * engine may do it in bf16.
 *
 * @see Wang et al., Auxiliary-Loss-Free Load Balancing, arXiv 2408.15664 · DeepSeek-V3, §2.1.2
 */
export function route(logits: Tensor<["T", "E"]>, bias: Weight<["E"]>, rule: RouteRule): Routing {
  checkRoute(logits, bias, rule);
  const [nT, nE] = logits.shape;
  const { nActive } = rule;
  const b = floatsOf(bias);
  const experts = new Int32Array(nT * nActive);
  const weights = floatsLike(logits.data, nT * nActive);
  for (let t = 0; t < nT; t++) {
    const scores = Float64Array.from(logits.data.subarray(t * nE, (t + 1) * nE), sigmoid);
    const biased = scores.map((s, e) => s + b[e]);
    const chosen = largest(openExperts(biased, rule), nActive, biased).sort((x, y) => x - y);

    let sum = 0;
    for (const e of chosen) sum += scores[e];
    const factor = rule.normTopkProb ? rule.scale / (sum + 1e-20) : rule.scale;
    chosen.forEach((e, a) => {
      experts[t * nActive + a] = e;
      weights[t * nActive + a] = scores[e] * factor;
    });
  }
  const shape = [nT, nActive] as const;
  return {
    experts: { dims: ["T", "A"], shape, data: experts },
    weights: { dims: ["T", "A"], shape, data: weights },
  };
}

/** The experts of the best groups. */
function openExperts(biased: Floats, { nGroup, topkGroup }: RouteRule): number[] {
  const size = biased.length / nGroup;
  const members = (g: number): number[] => Array.from({ length: size }, (_, i) => g * size + i);
  const groups = Array.from({ length: nGroup }, (_, g) => g);
  if (nGroup === 1) return members(0);

  const worth = Float64Array.from(groups, (g) =>
    largest(members(g), Math.min(2, size), biased).reduce((sum, e) => sum + biased[e], 0),
  );
  return largest(groups, topkGroup, worth).flatMap(members);
}

/** The `n` candidates with the largest score, best first; equal ones by the smaller number. */
function largest(candidates: number[], n: number, score: Floats): number[] {
  return candidates.sort((x, y) => score[y] - score[x] || x - y).slice(0, n);
}
