/**
 * Generates tokens after a prompt: runs the prompt (prefill), then one token after another until
 * the text ends.
 *
 * Next: speculate.ts
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import { Chooser } from "./chooser.ts";
import type { Constraint } from "./constraint.ts";
import { type Random, seededRandom } from "./random.ts";
import { checkSampling, logProbs, type SamplingOptions, topIds } from "./sampler.ts";
import type { Session } from "./session.ts";
import { type Choice, type OnDraftRound, speculate } from "./speculate.ts";

/**
 * Why a text ended: the model chose a stop id (`stop`), `maxTokens` was reached (`length`), the
 * context is full (`context`), or the caller aborted it (`aborted`).
 */
export type FinishReason = "stop" | "length" | "context" | "aborted";

/** How to generate. */
export interface GenerateOptions {
  /** The largest number of tokens to generate. */
  readonly maxTokens: number;
  /** How to choose tokens; greedily when not given. */
  readonly sampling?: SamplingOptions;
  /** Seed of the random numbers; the same seed gives the same text. Default 0. */
  readonly seed?: number;
  /** The source of random numbers, instead of a new one made from `seed`. */
  readonly random?: Random;
  /** Ids that end the text; they are not part of it. */
  readonly stopIds?: readonly number[];
  /** No stop id is chosen before so many tokens. Default 0. */
  readonly minTokens?: number;
  /** What the text is held to. It is asked and told, and not closed. */
  readonly constraint?: Constraint;
  /** Also report the `topLogProbs` most probable ids of each step. Default 0. */
  readonly topLogProbs?: number;
  /** Guess this many tokens ahead with the draft head of the session. Default 0: none. */
  readonly draftSteps?: number;
  /** Is told of the guesses of each step, and of what became of them. */
  readonly onDraftRound?: OnDraftRound;
  /** Ends the generation, with the finish reason `aborted`. */
  readonly signal?: AbortSignal;
}

/** A token that could have been chosen. */
export interface LikelyToken {
  /** Its id. */
  readonly id: number;
  /** Natural log of its probability before any sampling option. */
  readonly logProb: number;
}

/** One generated token. */
export interface GeneratedToken {
  /** Its id. */
  readonly id: number;
  /** Natural log of its probability, before the sampling options are applied. */
  readonly logProb: number;
  /** The most probable tokens in its place, best first. */
  readonly top: readonly LikelyToken[];
  /** Whether the draft head had guessed it. */
  readonly drafted: boolean;
}

/** The event loop gets a turn after this many milliseconds, so that an abort can arrive. */
const YIELD_EVERY_MS = 30;

/**
 * Generates tokens after `prompt`, and returns why the text ended.
 *
 * Afterwards, the session holds the prompt and the generated tokens. The newest token may be
 * missing, because it was not run yet. With a draft head, guesses that were run but not yielded may
 * follow.
 *
 * @throws {SamplingError} for a sampling option out of range, {ArgumentError} for another option,
 *   and
 *   the errors of {@link Session.sync}
 */
export async function* generate(
  session: Session,
  prompt: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<GeneratedToken, FinishReason> {
  const { maxTokens, minTokens = 0, stopIds = [], topLogProbs = 0, signal } = options;
  const { sampling = {} } = options;
  checkSampling(sampling);
  const { draftSteps = 0 } = options;
  for (const [name, n] of Object.entries({ maxTokens, minTokens, draftSteps })) {
    if (Number.isInteger(n) && n >= 0) continue;
    throw new ArgumentError(name, `expected an integer of 0 or more, got ${n}`);
  }
  if (draftSteps > 0 && !session.draft) {
    throw new ArgumentError("draftSteps", "the session was made without a draft head");
  }
  if (!(await session.prefill(prompt, signal))) return "aborted";

  const chooser = new Chooser(prompt, {
    sampling,
    stopIds,
    minTokens,
    random: options.random ?? seededRandom(options.seed ?? 0),
    constraint: options.constraint,
  });
  let nGenerated = 0;
  let lastYield = performance.now();
  for (const choice of choices(session, chooser, draftSteps, options.onDraftRound)) {
    if (performance.now() - lastYield > YIELD_EVERY_MS) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      lastYield = performance.now();
    }
    if (signal?.aborted) return "aborted";
    if (stopIds.includes(choice.id)) return "stop";
    if (nGenerated === maxTokens) return "length";
    yield report(choice, topLogProbs);
    nGenerated++;
    if (nGenerated === maxTokens) return "length";
  }
  return "context";
}

/** Chooses one token after another until the context is full. */
function* choices(
  session: Session,
  chooser: Chooser,
  draftSteps: number,
  onRound: OnDraftRound | undefined,
): Generator<Choice, void> {
  const { logits } = session.sync(chooser.text);
  yield { id: chooser.choose(logits), logits, drafted: false };
  for (;;) {
    const room = session.room - chooser.text.length;
    if (room < 0) return; // the context has no room to run the newest token
    const steps = Math.min(draftSteps, room);
    if (steps > 0 && session.draft) {
      yield* speculate(session, session.draft, chooser, steps, onRound);
    } else {
      const row = session.append(chooser.text.slice(-1));
      yield { id: chooser.choose(row), logits: row, drafted: false };
    }
  }
}

/** A chosen token with its log-probability and those of the `nTop` most probable ids. */
export function report({ id, logits, drafted }: Choice, nTop: number): GeneratedToken {
  const ids = topIds(logits, nTop);
  const [logProb, ...top] = logProbs(logits, [id, ...ids]);
  return { id, logProb, drafted, top: ids.map((topId, i) => ({ id: topId, logProb: top[i] })) };
}
