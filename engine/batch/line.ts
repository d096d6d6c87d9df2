/**
 * A line is one choice of a job on its way: the text, and the timeline with its rows.
 *
 * A line that waits has no timeline. When it is put back because memory is short, it loses its timeline and
 * keeps its text; later the whole text is run again, which gives the same rows. So there is one rule for all
 * lines: run what the timeline lacks of the text, and when nothing lacks, choose the next token.
 *
 * Next: row-shares.ts
 * @module
 */
import type { Tensor } from "../base/tensor.ts";
import { Chooser } from "../generate/chooser.ts";
import { DraftHead } from "../generate/draft-head.ts";
import { seededRandom } from "../generate/random.ts";
import type { Timeline } from "../generate/timeline.ts";
import type { Model } from "../model/model.ts";
import type { Job, JobId, PromptToken } from "./job.ts";

/** A job, and what is known of it. */
export interface Task {
  readonly id: JobId;
  readonly job: Job;
  /** Its choices; those after the first come when the prompt has been run. */
  readonly lines: Line[];
  /** The prompt's tokens that were scored. */
  readonly scored: PromptToken[];
  /** How often a later job went first. */
  nOvertaken: number;
  isPaused: boolean;
}

/** One choice of a job. */
export class Line {
  readonly task: Task;
  /** Its number among the choices. */
  readonly choice: number;
  readonly chooser: Chooser;
  /** The rows; undefined while the line waits. */
  timeline: Timeline | undefined;
  /** The draft head, if guesses are wanted; it comes and goes with the timeline. */
  draft: DraftHead | undefined;
  /** The step in which it ran last. */
  lastStep = 0;

  constructor(task: Task, choice: number, chooser: Chooser) {
    this.task = task;
    this.choice = choice;
    this.chooser = chooser;
  }

  /** The first choice of a job. */
  static first(task: Task): Line {
    const { ids, sampling = {}, stopIds = [], minTokens = 0, seed = 0, constraint } = task.job;
    const random = seededRandom(seed % 2 ** 32);
    return new Line(
      task,
      0,
      new Chooser(ids, { sampling, stopIds, minTokens, random, constraint }),
    );
  }

  /** Another choice, when the prompt was run and nothing was chosen. */
  sibling(choice: number): Line {
    const random = seededRandom(((this.task.job.seed ?? 0) + choice) % 2 ** 32);
    const line = new Line(this.task, choice, this.chooser.fork(random));
    line.timeline = this.timeline?.fork();
    line.draft = this.draft?.fork();
    return line;
  }

  /** Tokens of the text that the timeline lacks. */
  get nMissing(): number {
    return this.chooser.text.length - (this.timeline?.length ?? 0);
  }

  /** Whether only the newest token lacks, which the model chose. */
  get isDecoding(): boolean {
    return this.chooser.nChosen > 0 && this.nMissing === 1;
  }

  /** Pages that the timeline takes more when it is `length` positions long. */
  pagesFor(length: number): number {
    const { timeline } = this;
    if (!timeline) return 0;
    const { pool, cache } = timeline;
    const { pageRows } = pool.layout.format;
    const { pages } = cache.table;
    const tail = timeline.length % pageRows > 0 ? pages.at(-1) : undefined;
    const isShared = tail !== undefined && pool.count(tail) > 1;
    return Math.max(0, Math.ceil(length / pageRows) - pages.length) + (isShared ? 1 : 0);
  }

  /** Begins with a timeline, which may hold the beginning of the text. */
  begin(timeline: Timeline, model: Model): void {
    this.timeline = timeline;
    if (this.task.job.draftSteps) {
      this.draft = new DraftHead(model, timeline.pool.layout.format);
    }
  }

  /** Shows the draft head the rows of a step, which begin at position `start`. */
  observe(start: number, tokens: readonly number[], hidden: Tensor<["T", "hidden"]>): void {
    this.draft?.observe(start, Int32Array.from(tokens), hidden);
  }

  /** Forgets rows of guesses that were not kept. */
  truncate(length: number): void {
    this.timeline?.truncate(length);
    this.draft?.truncate(length);
  }

  /** Gives the rows back. The text stays. */
  putBack(): void {
    this.timeline?.close();
    this.draft?.close();
    this.timeline = undefined;
    this.draft = undefined;
  }
}
