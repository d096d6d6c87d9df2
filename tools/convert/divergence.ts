/**
 * How far the next-token distributions of two models are apart on one text.
 * @module
 */

import type { Floats } from "../../engine/base/tensor.ts";
import { argmax } from "../../engine/generate/sampler.ts";
import { type Model, Session } from "../../engine/index.ts";
import { exp, log } from "../../engine/numbers/math.ts";

/** Tokens that are run at once. */
const CHUNK = 16;

/** How far one model is from another, over all positions of a text. */
export interface Divergence {
  /** Number of tokens of the text. */
  readonly tokens: number;
  /** Mean over positions of the KL divergence, `Σ p · (log p − log q)`, in nats. */
  readonly klMean: number;
  /**
   * Standard error of that mean: `√(variance / tokens)`, of the positions taken as independent. For a
   * single token it is not known, and `null`.
   */
  readonly klError: number | null;
  /** The largest such value. */
  readonly klMax: number;
  /** Share of positions where the likeliest token is the same in both models. */
  readonly sameTop: number;
}

/**
 * The Kullback-Leibler divergence `KL(p ‖ q) = Σ p · (log p − log q)` of two rows of logits, in
 * nats. A number that is added to a whole row changes nothing, so rows may hold log-probabilities
 * too.
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

/** How to follow a comparison, and how to end it. */
export interface CompareOptions {
  /** Ends the work: the promise is then rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many tokens are compared, and how many there are. */
  readonly onCompared?: ((done: number, total: number) => void) | undefined;
}

/** Compares the distributions `p` of one model and `q` of another after each token of a text. */
export async function divergence(
  p: Model,
  q: Model,
  tokens: readonly number[],
  { signal, onCompared = () => {} }: CompareOptions = {},
): Promise<Divergence> {
  const maxContext = tokens.length;
  const [first, second] = [p, q].map((model) => new Session(model, { maxContext }));
  const values: number[] = [];
  let same = 0;
  for (let at = 0; at < tokens.length; at += CHUNK) {
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets an abort arrive
    signal?.throwIfAborted();
    const chunk = tokens.slice(at, at + CHUNK);
    const others = second.appendAll(chunk);
    first.appendAll(chunk).forEach((logits, t) => {
      values.push(klDivergence(logits, others[t]));
      if (argmax(logits) === argmax(others[t])) same++;
    });
    onCompared(values.length, tokens.length);
  }
  const n = tokens.length;
  const klMean = values.reduce((sum, kl) => sum + kl, 0) / n;
  const squares = values.reduce((sum, kl) => sum + (kl - klMean) ** 2, 0);
  const klError = n > 1 ? Math.sqrt(squares / (n - 1) / n) : null;
  return {
    tokens: n,
    klMean,
    klError,
    klMax: values.reduce((most, kl) => Math.max(most, kl), 0),
    sameTop: same / n,
  };
}
