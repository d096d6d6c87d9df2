/**
 * Lossless speculative decoding: the draft head guesses some tokens, and the main model checks all
 * guesses in one step. The text has exactly the same distribution as without guessing.
 *
 * @see Leviathan et al., Fast Inference from Transformers via Speculative Decoding, arXiv 2211.17192
 * @module
 */
import type { Floats } from "../base/tensor.ts";
import type { Chooser } from "./chooser.ts";
import type { DraftHead } from "./draft-head.ts";
import type { Random } from "./random.ts";
import { draw, logProbs } from "./sampler.ts";
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

/** A guess, and the distribution that it was drawn from. */
export interface Guess {
  readonly id: number;
  readonly from: Float64Array;
  /** Of the draft head. */
  readonly logits: Floats;
}

/** A guess as it was made. Probabilities are those before any sampling option. */
export interface GuessedToken {
  /** The guessed token. */
  readonly id: number;
  /** Natural log of its probability under the draft head. */
  readonly draftLogProb: number;
}

/** A guess that was compared with the main model, and what became of it. */
export interface JudgedGuess extends GuessedToken {
  /** Natural log of its probability under the main model. */
  readonly mainLogProb: number;
  /** How likely it was to be kept, with the sampling options: `min(1, p / q)`. */
  readonly keep: number;
  /** The token that replaced it; undefined if it was kept. */
  readonly replacement: Replacement;
}

/** A token that the text went on with. */
export interface RoundToken {
  /** Its id. */
  readonly id: number;
  /** Natural log of its probability under the main model. */
  readonly logProb: number;
}

/** Guesses of one step of the main model, and the tokens that the text went on with. */
export interface DraftRound {
  /** The guesses up to the first that was replaced. */
  readonly judged: readonly JudgedGuess[];
  /** The guesses behind it, which nobody compared. */
  readonly unread: readonly GuessedToken[];
  /** The new tokens of the text. */
  readonly tokens: readonly RoundToken[];
}

/** Is told of each round. It must not write to what it is told. */
export type OnDraftRound = (round: DraftRound) => void;

/** Guesses up to `steps` tokens after the text, whose last token was not run yet. */
export function guess(draft: DraftHead, chooser: Chooser, steps: number): Guess[] {
  const guesses: Guess[] = [];
  const next = chooser.text[chooser.text.length - 1];
  draft.propose(next, steps, (logits) => {
    const from = chooser.distribution(logits);
    const id = draw(from, chooser.random);
    guesses.push({ id, from, logits });
    chooser.take(id);
    return id;
  });
  chooser.undo(guesses.length);
  return guesses;
}

/**
 * Decides about guesses, and goes on with the text: one to all of them plus one new choices.
 *
 * @param rows logits of the main model after the last token of the text, and after each guess
 * @param onRound is told what became of the guesses
 */
export function settle(
  chooser: Chooser,
  guesses: readonly Guess[],
  rows: readonly Floats[],
  onRound?: OnDraftRound,
): Choice[] {
  const choices: Choice[] = [];
  const keeps: number[] = [];
  for (const [row, logits] of rows.entries()) {
    const p = chooser.distribution(logits);
    const guessed = guesses.at(row);
    const replacement = guessed && replacementOf(p, guessed.from, guessed.id, chooser.random);
    const drafted = guessed !== undefined && replacement === undefined;
    const id = drafted ? guessed.id : (replacement ?? draw(p, chooser.random));
    chooser.take(id);
    choices.push({ id, logits, drafted });
    if (guessed) keeps.push(Math.min(1, p[guessed.id] / guessed.from[guessed.id]));
    if (!drafted || chooser.isOver) break;
  }
  onRound?.(roundOf(choices, guesses, rows, keeps));
  return choices;
}

/** What {@link OnDraftRound} is told; `keeps` has a number for each guess that was compared. */
function roundOf(
  choices: readonly Choice[],
  guesses: readonly Guess[],
  rows: readonly Floats[],
  keeps: readonly number[],
): DraftRound {
  const guessed = guesses.map(({ id, logits }) => ({
    id,
    draftLogProb: logProbs(logits, [id])[0],
  }));
  return {
    judged: keeps.map((keep, i) => ({
      ...guessed[i],
      mainLogProb: logProbs(rows[i], [guessed[i].id])[0],
      keep,
      replacement: choices[i].drafted ? undefined : choices[i].id,
    })),
    unread: guessed.slice(keeps.length),
    tokens: choices.map(({ id, logits }) => ({ id, logProb: logProbs(logits, [id])[0] })),
  };
}

/**
 * Runs the last token of the text together with up to `steps` guesses after it, and goes on with one to
 * `steps + 1` new choices. Afterwards the session holds the text but its last token, which was not run yet.
 */
export function speculate(
  session: Session,
  draft: DraftHead,
  chooser: Chooser,
  steps: number,
  onRound?: OnDraftRound,
): Choice[] {
  const before = session.tokens.length;
  const next = chooser.text[chooser.text.length - 1];
  const guesses = guess(draft, chooser, steps);
  const rows = session.appendAll([next, ...guesses.map(({ id }) => id)]);
  const choices = settle(chooser, guesses, rows, onRound);
  session.truncate(before + choices.length);
  return choices;
}
