/**
 * How differently two models see one text.
 * @module
 */

import { argmax, distribution, logProbs } from "../../engine/generate/sampler.ts";
import { type Model, Session } from "../../engine/index.ts";

/** Positions that are run at once. */
const CHUNK = 16;

/** The distance of a model from another, over all positions of a text. */
export interface Divergence {
  readonly tokens: number;
  /** `KL(p ‖ q) = Σ p · (log p − log q)` in nats: the mean over positions, and the largest. */
  readonly klMean: number;
  readonly klMax: number;
  /** Share of positions where both find the same token likeliest. */
  readonly sameTop: number;
}

/** Compares the distributions `p` of one model and `q` of another after each token of a text. */
export function divergence(p: Model, q: Model, tokens: readonly number[]): Divergence {
  const maxContext = tokens.length;
  const [first, second] = [p, q].map((model) => new Session(model, { maxContext }));
  const ids = Array.from({ length: p.config.vocabSize }, (_, id) => id);
  let [sum, klMax, same] = [0, 0, 0];
  for (let at = 0; at < tokens.length; at += CHUNK) {
    const chunk = tokens.slice(at, at + CHUNK);
    const others = second.appendAll(chunk);
    first.appendAll(chunk).forEach((logits, t) => {
      const weights = distribution(logits, { temperature: 1 }, []);
      const [logP, logQ] = [logits, others[t]].map((row) => logProbs(row, ids));
      const kl = weights.reduce((total, w, id) => total + w * (logP[id] - logQ[id]), 0);
      sum += kl;
      klMax = Math.max(klMax, kl);
      if (argmax(logits) === argmax(others[t])) same++;
    });
  }
  const n = tokens.length;
  return { tokens: n, klMean: sum / n, klMax, sameTop: same / n };
}
