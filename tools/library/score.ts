/**
 * How likely a model finds a given text.
 * @module
 */
import {
  ArgumentError,
  type LikelyToken,
  logProbs,
  type Session,
  topIds,
} from "../../engine/index.ts";

/** Positions that are run at once: each has logits of the whole vocabulary. */
const CHUNK = 16;

/** One token of a text, as the model saw it coming. */
export interface ScoredToken {
  /** Its id. */
  readonly id: number;
  /** Natural log of its probability after all tokens before it; undefined where there are none. */
  readonly logProb: number | undefined;
  /** The likeliest tokens in its place, best first. */
  readonly top: readonly LikelyToken[];
}

/** A text, token by token. */
export interface Score {
  /** All tokens of the text, in order. */
  readonly tokens: readonly ScoredToken[];
  /** Sum over the tokens that have one. */
  readonly logProb: number;
  /** `exp(−logProb / n)` over the `n` tokens that have one. */
  readonly perplexity: number;
}

/** How to score. */
export interface ScoreOptions {
  /** Also report this many likeliest tokens of each place; 0 by default. */
  readonly topLogProbs?: number | undefined;
  /** Ends the work: the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The log-probabilities of `ids` from number `from` on; those before are what they follow.
 *
 * @param session a new one
 */
export async function score(
  session: Session,
  ids: readonly number[],
  from: number,
  { topLogProbs = 0, signal }: ScoreOptions,
): Promise<Score> {
  if (ids.length === from) throw new ArgumentError("text", "expected one token at least, got none");
  const tokens: ScoredToken[] = from === 0 ? [{ id: ids[0], logProb: undefined, top: [] }] : [];
  for (let at = 0; at < ids.length - 1; at += CHUNK) {
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets an abort arrive
    signal?.throwIfAborted();
    const rows = session.appendAll(ids.slice(at, Math.min(at + CHUNK, ids.length - 1)));
    rows.forEach((logits, t) => {
      const next = at + t + 1;
      if (next < from) return;
      const likeliest = topIds(logits, topLogProbs);
      const [logProb, ...top] = logProbs(logits, [ids[next], ...likeliest]);
      const named = likeliest.map((id, i) => ({ id, logProb: top[i] }));
      tokens.push({ id: ids[next], logProb, top: named });
    });
  }
  const known = tokens.flatMap(({ logProb }) => logProb ?? []);
  const sum = known.reduce((total, logProb) => total + logProb, 0);
  return { tokens, logProb: sum, perplexity: Math.exp(-sum / known.length) };
}
