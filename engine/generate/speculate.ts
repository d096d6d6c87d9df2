/**
 * Lossless speculative decoding: the draft head guesses some tokens, and the main model checks all
 * guesses in one step. The text has exactly the same distribution as without guessing.
 *
 * @see Leviathan et al., Fast Inference from Transformers via Speculative Decoding, arXiv 2211.17192
 * @module
 */
import type { Floats } from "../base/tensor.ts";
import type { DraftHead } from "./draft-head.ts";
import type { Random } from "./random.ts";
import { distribution, draw, type SamplingOptions } from "./sampler.ts";
import type { Session } from "./session.ts";

/** A chosen token, and the logits of the main model from which it was chosen. */
export interface Choice {
  readonly id: number;
  readonly logits: Floats;
  /** Whether the draft head had guessed it. */
  readonly drafted: boolean;
}

/** The decision about a guess: it is kept (`undefined`), or it is replaced by this token. */
export type Replacement = number | undefined;

/**
 * Decides about the guess `d`. It is kept with probability `min(1, p[d] / q[d])`. Otherwise a token
 * is drawn from `max(p − q, 0)`, normalised, and replaces it. If both distributions are greedy,
 * with all weight on one id, the guess is kept exactly when they agree.
 *
 * @param p the distribution of the main model
 * @param q the distribution from which the guess was drawn
 */
export function replacementOf(
  p: Float64Array,
  q: Float64Array,
  guess: number,
  random: Random,
): Replacement {
  if (p[guess] >= q[guess] || random() * q[guess] < p[guess]) return undefined;
  const rest = p.map((x, i) => Math.max(0, x - q[i]));
  const sum = rest.reduce((a, b) => a + b, 0);
  return draw(
    rest.map((x) => x / sum),
    random,
  );
}

/**
 * Runs the last token of `text` together with up to `steps` guesses after it, and returns one to
 * `steps + 1` new choices. Afterwards the session holds `text` and every guess that was kept. The
 * last choice was not run yet.
 *
 * @param text all tokens so far; the session has run all of them except the last one
 */
export function speculate(
  session: Session,
  draft: DraftHead,
  text: readonly number[],
  steps: number,
  sampling: SamplingOptions,
  random: Random,
): Choice[] {
  const next = text[text.length - 1];
  const guesses: number[] = [];
  const guessedFrom: Float64Array[] = [];
  draft.propose(next, steps, (logits) => {
    const q = distribution(logits, sampling, [...text, ...guesses]);
    const guess = draw(q, random);
    guessedFrom.push(q);
    guesses.push(guess);
    return guess;
  });

  const before = session.tokens.length;
  const rows = session.appendAll([next, ...guesses]);
  const choices: Choice[] = [];
  for (const [row, logits] of rows.entries()) {
    const p = distribution(logits, sampling, [...text, ...guesses.slice(0, row)]);
    if (row === guesses.length) {
      choices.push({ id: draw(p, random), logits, drafted: false });
      break;
    }
    const replacement = replacementOf(p, guessedFrom[row], guesses[row], random);
    if (replacement !== undefined) {
      choices.push({ id: replacement, logits, drafted: false });
      break;
    }
    choices.push({ id: guesses[row], logits, drafted: true });
  }
  session.truncate(before + choices.length);
  return choices;
}
