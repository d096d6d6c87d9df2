/**
 * A job is a text that somebody wants: a prompt, and how to go on with it. It may be wanted several times,
 * in several choices.
 *
 * Next: line.ts
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import type { Constraint } from "../generate/constraint.ts";
import type { FinishReason, GeneratedToken, LikelyToken } from "../generate/generate.ts";
import { checkSampling, type SamplingOptions } from "../generate/sampler.ts";
import type { TracedRows, TraceWish } from "./row-trace.ts";

/** What is wanted. */
export interface Job {
  /** The prompt. */
  readonly ids: readonly number[];
  /** The most tokens of each choice. With 0, the prompt is run and nothing is chosen. */
  readonly maxTokens: number;
  /** How tokens are chosen. By default the most probable one is. */
  readonly sampling?: SamplingOptions;
  /** Choice `k` has the random numbers of seed `seed + k`. Default 0. */
  readonly seed?: number;
  /** Ids that end a text. */
  readonly stopIds?: readonly number[];
  /** No stop id is chosen before so many tokens. Default 0. */
  readonly minTokens?: number;
  /** How many of the most probable ids are told with each token. Default 0. */
  readonly topLogProbs?: number;
  /** Also tell the log-probabilities of the prompt's tokens. No row of another text is used then. */
  readonly promptLogProbs?: boolean;
  /** How many choices. Default 1. */
  readonly n?: number;
  /** What the choices are held to. The scheduler forks it for them, and closes it. */
  readonly constraint?: Constraint;
  /** Guesses of the draft head for each step. Default 0. */
  readonly draftSteps?: number;
  /** What is to be told of all rows, those of the prompt too. No row of another text is used then. */
  readonly trace?: TraceWish | undefined;
}

/** The number of a job: later ones have larger ones. */
export type JobId = number;

/** A token of a prompt, as the model saw it coming. */
export interface PromptToken {
  /** Its id. */
  readonly id: number;
  /** Its log-probability after the tokens before it. */
  readonly logProb: number;
  /** The most probable ids in its place. */
  readonly top: readonly LikelyToken[];
}

/** What happened to a job in a step. */
export type JobEvent =
  | AdmittedEvent
  | PrefillEvent
  | PromptEvent
  | TraceEvent
  | TokenEvent
  | EndEvent
  | FailedEvent;

/** Whose event it is. */
interface OfJob {
  /** The job. */
  readonly job: JobId;
}

/** Whose event it is, where choices have their own. */
interface OfChoice extends OfJob {
  /** The number of the choice, from 0 on. */
  readonly choice: number;
}

/** A job has begun. */
export interface AdmittedEvent extends OfJob {
  /** Names this kind of event. */
  readonly type: "admitted";
  /** Tokens of its prompt whose rows were there already. */
  readonly cachedTokens: number;
}

/** Tokens of a job's prompt were run. */
export interface PrefillEvent extends OfJob {
  /** Names this kind of event. */
  readonly type: "prefill";
  /** How many have been run by now. */
  readonly done: number;
  /** How many there are. */
  readonly total: number;
}

/** The whole prompt was run, and its tokens were to be scored. */
export interface PromptEvent extends OfJob {
  /** Names this kind of event. */
  readonly type: "prompt";
  /** The tokens from the second on. */
  readonly tokens: readonly PromptToken[];
}

/**
 * What the layers chose for rows of a job that asked for it. The rows are told before the token that they
 * lead to, those of the prompt with the first choice. Rows of guesses that were not kept are told, too, and rows
 * that are run again; what is told later counts.
 */
export interface TraceEvent extends OfChoice {
  /** Names this kind of event. */
  readonly type: "trace";
  /** The position of the first row. */
  readonly start: number;
  /** What was chosen for it and for those behind it. */
  readonly rows: TracedRows;
}

/** A choice has one token more. */
export interface TokenEvent extends OfChoice {
  /** Names this kind of event. */
  readonly type: "token";
  /** The token. */
  readonly token: GeneratedToken;
  /** Whether it is one of the ids that end a text; the end follows it then. */
  readonly isStop: boolean;
}

/** A choice is at its end. */
export interface EndEvent extends OfChoice {
  /** Names this kind of event. */
  readonly type: "end";
  /** Why. */
  readonly reason: FinishReason;
}

/** A job cannot go on; none of its choices does. */
export interface FailedEvent extends OfJob {
  /** Names this kind of event. */
  readonly type: "failed";
  /** Why. */
  readonly error: unknown;
}

/**
 * Checks the options of a job. Its tokens are checked with the room that there is.
 *
 * @throws {ArgumentError}, {SamplingError} when one is out of range
 */
export function checkJob(job: Job): void {
  checkSampling(job.sampling ?? {});
  const { maxTokens, minTokens = 0, topLogProbs = 0, draftSteps = 0, n = 1 } = job;
  const counts = { maxTokens, minTokens, topLogProbs, draftSteps, n };
  for (const [name, value] of Object.entries(counts)) {
    const least = name === "n" ? 1 : 0;
    if (Number.isInteger(value) && value >= least) continue;
    throw new ArgumentError(name, `expected an integer of ${least} or more, got ${value}`);
  }
}
