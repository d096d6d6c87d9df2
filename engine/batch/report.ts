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
  readonly job: JobId;
  readonly choice: number;
  readonly nRows: number;
  /** Whether they read a text, instead of going on with it. */
  readonly isReading: boolean;
}

/** What the scheduler is at, and what it did so far. */
export interface SchedulerLoad {
  readonly running: number;
  readonly waiting: number;
  /** Pages in use, without those that are only kept. */
  readonly pages: number;
  readonly keptPages: number;
  readonly steps: number;
  readonly rows: number;
  readonly preemptions: number;
  /** Prompt tokens that were looked up, and those that were found. */
  readonly prefixQueries: number;
  readonly prefixHits: number;
  readonly drafts: number;
  readonly draftTokens: number;
  readonly draftTokensAccepted: number;
}
