/**
 * What a scheduler tells of itself: what a step did, and what it is at.
 * @module
 */
import type { JobEvent, JobId } from "./job.ts";

/** What a step did. */
export interface StepReport {
  /** In the order in which things happened. */
  readonly events: readonly JobEvent[];
  /** Rows that were run; 0 when there was nothing to do. */
  readonly nRows: number;
  /** Whose rows they were, in their order. */
  readonly rows: readonly RowsOf[];
}

/** The rows of one choice of a job in a step. */
export interface RowsOf {
  /** The job. */
  readonly job: JobId;
  /** The number of the choice. */
  readonly choice: number;
  /** How many rows they are. */
  readonly nRows: number;
  /** Whether they read a text, instead of going on with it. */
  readonly isReading: boolean;
}

/** What the scheduler is at, and what it did so far. */
export interface SchedulerLoad {
  /** Choices that have their rows. */
  readonly running: number;
  /** Choices that wait for room. */
  readonly waiting: number;
  /** Pages in use, without those that are only kept. */
  readonly pages: number;
  /** Pages of texts that have ended. */
  readonly keptPages: number;
  /** Steps that were run. */
  readonly steps: number;
  /** Rows of all steps. */
  readonly rows: number;
  /** How often a choice was put back. */
  readonly preemptions: number;
  /** Prompt tokens that were looked up among the pages of others. */
  readonly prefixQueries: number;
  /** Those of them that were found. */
  readonly prefixHits: number;
  /** Steps of choices in which there were guesses. */
  readonly drafts: number;
  /** Guesses. */
  readonly draftTokens: number;
  /** Guesses that were right. */
  readonly draftTokensAccepted: number;
}
