/**
 * Lossless speculative decoding: the draft head guesses, the main model checks all guesses in one
 * step, and the text has exactly the distribution it would have had without guessing.
 *
 * @see Leviathan et al., Fast Inference from Transformers via Speculative Decoding, arXiv 2211.17192
 * @module
 */
import type { Floats } from "../tensor.ts";
import type { DraftHead } from "./draft-head.ts";
import type { Random } from "./random.ts";
import { distribution, draw, type SamplingOptions } from "./sampler.ts";
import type { Session } from "./session.ts";

/** A token that was chosen, and the logits of the main model it was chosen from. */
export interface Choice {
  readonly id: number;
  readonly logits: Floats;
  /** Whether the draft head had guessed it. */
  readonly drafted: boolean;
}

/** What becomes of one guess: it is kept (`undefined`), or this token replaces it. */
export type Replacement = number | undefined;

/**
 * Keeps guess `d` with probability `min(1, p[d] / q[d])`; otherwise draws the token from
 * `max(p − q, 0)`, renormalised.
 *
 * With greedy distributions (all weight on one id) this says: keep exactly when both agree.
 *
 * @param p what the main model would draw from
 * @param q what the guess was drawn from
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
 * Runs `next` together with up to `steps` guesses after it; returns one to `steps + 1` new choices.
 *
 * Afterwards the session holds `next` and every guess that was kept; the last choice is not run.
 *
 * @param text tokens so far, `next` included
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
