/**
 * How differently two models see one text.
 * @module
 */
import { argmax } from "../../engine/generate/sampler.ts";
import { type Model, Session } from "../../engine/index.ts";
import { exp, log } from "../../engine/numbers/math.ts";
import type { Floats } from "../../engine/tensor.ts";

/** Positions that are run at once. */
const CHUNK = 16;

/** The distance of a model from another, over all positions of a text. */
export interface Divergence {
  /** Positions that were compared. */
  readonly tokens: number;
  /** `klDivergence`: the mean over positions, and the largest. */
  readonly klMean: number;
  /** The largest of them. */
  readonly klMax: number;
  /** Share of positions where both find the same token likeliest. */
  readonly sameTop: number;
}

/**
 * The Kullback-Leibler divergence `KL(p ‖ q) = Σ p · (log p − log q)` of two rows of logits, in nats.
 * What is added to a whole row does not count, so logarithms of probabilities are logits too.
 */
export function klDivergence(pLogits: Floats, qLogits: Floats): number {
  const [p, q] = [pLogits, qLogits].map((row) => Array.from(row));
  const [pMax, qMax] = [pLogits, qLogits].map((row) => row[argmax(row)]);
  const pSum = p.reduce((sum, x) => sum + exp(x - pMax), 0);
  const qSum = q.reduce((sum, x) => sum + exp(x - qMax), 0);
  // The two norms are subtracted as one, so that nearly equal rows keep their digits.
  const shift = qMax - pMax + log(qSum / pSum);
  return p.reduce((sum, x, id) => {
    // A token that is impossible in `p` adds nothing, whatever `q` says.
    if (x === Number.NEGATIVE_INFINITY) return sum;
    return sum + (exp(x - pMax) / pSum) * (x - q[id] + shift);
  }, 0);
}

/**
 * Compares the distributions `p` of one model and `q` of another after each token of a text.
 *
 * @param signal ends the work: the promise is then rejected with its reason
 */
export async function divergence(
  p: Model,
  q: Model,
  tokens: readonly number[],
  signal?: AbortSignal,
): Promise<Divergence> {
  const maxContext = tokens.length;
  const [first, second] = [p, q].map((model) => new Session(model, { maxContext }));
  let [sum, klMax, same] = [0, 0, 0];
  for (let at = 0; at < tokens.length; at += CHUNK) {
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets an abort arrive
    signal?.throwIfAborted();
    const chunk = tokens.slice(at, at + CHUNK);
    const others = second.appendAll(chunk);
    first.appendAll(chunk).forEach((logits, t) => {
      const kl = klDivergence(logits, others[t]);
      sum += kl;
      klMax = Math.max(klMax, kl);
      if (argmax(logits) === argmax(others[t])) same++;
    });
  }
  const n = tokens.length;
  return { tokens: n, klMean: sum / n, klMax, sameTop: same / n };
}
