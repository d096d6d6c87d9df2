/**
 * Runs many texts at once, step by step: in each step all of them go on by a token, and prompts are read
 * beside them (continuous batching). Texts share the work and the pages of common beginnings, and no number:
 * each has the tokens and log-probabilities that it has alone.
 *
 * The scheduler is a plain state machine. It has no clock and starts no work by itself: the same calls give
 * the same reports.
 *
 * 1. Jobs that wait are admitted, the oldest first, while there are pages for their prompts (admission.ts).
 * 2. The rows of the step are shared out (row-shares.ts).
 * 3. If pages are short, kept texts go, then the youngest line is put back. The oldest never is, so it ends.
 * 4. The step runs (timeline.ts), and each line whose text was run chooses its next token (harvest.ts).
 *
 * Next: admission.ts
 * @see Orca, Yu et al., OSDI 2022 (a batch that changes with each step) · vLLM, arXiv 2309.06180 (pages)
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import { noTaps, type Taps } from "../base/tap.ts";
import type { Tensor } from "../base/tensor.ts";
import { checkTokens } from "../generate/check-tokens.ts";
import { runStep, type Timeline } from "../generate/timeline.ts";
import { type KeptText, PageKeeper } from "../kv/page-keeper.ts";
import type { PagePool } from "../kv/page-pool.ts";
import type { Model } from "../model/model.ts";
import { Admission } from "./admission.ts";
import { harvest, type Sown, sow, tracedPart, traceEvent } from "./harvest.ts";
import { checkJob, type Job, type JobEvent, type JobId } from "./job.ts";
import { Line, type Task } from "./line.ts";
import type { SchedulerLoad, StepReport } from "./report.ts";
import { type RowShare, type StepSize, shareRows } from "./row-shares.ts";
import { StepTrace, type TraceShape, traceShape } from "./row-trace.ts";

/** So often later jobs may go before one that does not fit yet. */
const MOST_OVERTAKEN = 8;

/** How a scheduler is set up. */
export interface SchedulerOptions extends Partial<StepSize> {
  /** The most positions of a text. */
  readonly maxContext: number;
  /** They see the stages of every step; rows of several texts lie one after the other. */
  readonly taps?: Taps;
}

/** Runs jobs; see the top of this file. */
export class Scheduler {
  /** How large steps are. It may be changed between steps, and changes no result. */
  size: StepSize;
  readonly #model: Model;
  readonly #pool: PagePool;
  readonly #keeper: PageKeeper;
  readonly #admission: Admission;
  readonly #maxContext: number;
  readonly #taps: Taps;
  readonly #shape: TraceShape;
  readonly #tasks = new Map<JobId, Task>();
  #nSubmitted = 0;
  readonly #counts = {
    steps: 0,
    rows: 0,
    preemptions: 0,
    prefixQueries: 0,
    prefixHits: 0,
    drafts: 0,
    draftTokens: 0,
    draftTokensAccepted: 0,
  };

  /** @param pool of pages for this model, with the most pages that there may be */
  constructor(model: Model, pool: PagePool, options: SchedulerOptions) {
    const { maxContext, maxRows = 64, stepRows = 128, taps = noTaps } = options;
    this.size = { maxRows, stepRows };
    this.#model = model;
    this.#pool = pool;
    this.#keeper = new PageKeeper(pool);
    this.#admission = new Admission(model, pool, this.#keeper);
    this.#maxContext = maxContext;
    this.#taps = taps;
    this.#shape = traceShape(model.config);
  }

  /** What it is at. */
  get load(): SchedulerLoad {
    const lines = this.#lines();
    const waiting = lines.filter(({ timeline }) => !timeline).length;
    const keptPages = this.#keeper.nPages;
    const pages = this.#pool.nLive - keptPages;
    return { running: lines.length - waiting, waiting, pages, keptPages, ...this.#counts };
  }

  /**
   * Takes a job. Nothing is run before the next step.
   *
   * @throws {TokenError}, {ArgumentError}, {SamplingError} for a job that cannot be run
   * @throws {CacheFullError} when it alone is too large
   */
  submit(job: Job): JobId {
    checkJob(job);
    if (job.ids.length === 0) throw new ArgumentError("prompt", "expected one token at least");
    const { maxPages, layout } = this.#pool;
    const room = Math.min(this.#maxContext, maxPages * layout.format.pageRows);
    checkTokens(job.ids, 0, { maxContext: this.#maxContext, room }, this.#model.config);
    const id = this.#nSubmitted++;
    const task: Task = { id, job, lines: [], scored: [], nOvertaken: 0, isPaused: false };
    task.lines.push(Line.first(task));
    this.#tasks.set(id, task);
    return id;
  }

  /** Gives a job up. Its pages are free, or kept, at once. */
  cancel(id: JobId): void {
    const task = this.#tasks.get(id);
    if (!task) return;
    this.#tasks.delete(id);
    for (const line of task.lines) this.#drop(line);
  }

  /** Ends one choice of a job, whose further tokens nobody needs. */
  end(id: JobId, choice: number): void {
    const line = this.#tasks.get(id)?.lines.find((other) => other.choice === choice);
    if (line) this.#finish(line);
  }

  /** Lets a job wait where it is, with its pages. */
  pause(id: JobId): void {
    const task = this.#tasks.get(id);
    if (task) task.isPaused = true;
  }

  /** Lets a job go on. */
  resume(id: JobId): void {
    const task = this.#tasks.get(id);
    if (task) task.isPaused = false;
  }

  /** Runs one step. */
  step(): StepReport {
    const events: JobEvent[] = [];
    this.#admit(events);
    const shares = this.#makeRoom(events);
    if (shares.length === 0) return { events, nRows: 0, rows: [] };
    const sown = shares.map((share) => sow(share, this.#maxContext));
    const rows = sown.map(({ line, tokens }) => ({
      job: line.task.id,
      choice: line.choice,
      nRows: tokens.length,
      isReading: !line.isDecoding,
    }));
    const nRows = rows.reduce((sum, one) => sum + one.nRows, 0);
    this.#counts.steps++;
    this.#counts.rows += nRows;
    for (const { line, guesses } of sown) {
      line.lastStep = this.#counts.steps;
      if (guesses.length > 0) this.#counts.drafts++;
      this.#counts.draftTokens += guesses.length;
    }
    this.#run(sown, events);
    for (const event of events) {
      if (event.type === "token" && event.token.drafted) this.#counts.draftTokensAccepted++;
    }
    return { events, nRows, rows };
  }

  /** The texts whose pages are kept, the one that was used last at the end. */
  get kept(): readonly KeptText[] {
    return this.#keeper.texts();
  }

  /**
   * Keeps a text of an earlier run: `tokens` of whole pages, and what PagePool.bytesOf gave for each page.
   *
   * @throws {CacheFullError} when there are too few pages, {TokenError} when a token is out of range
   */
  keep(tokens: readonly number[], bytesOf: (page: number) => Uint8Array): void {
    checkTokens(tokens, 0, { maxContext: tokens.length, room: tokens.length }, this.#model.config);
    this.#keeper.restore(tokens, bytesOf);
  }

  /** Ends all jobs and gives all pages back. */
  close(): void {
    for (const id of [...this.#tasks.keys()]) this.cancel(id);
    this.#keeper.clear();
  }

  /** All lines, the oldest first. */
  #lines(): Line[] {
    return [...this.#tasks.values()].flatMap(({ lines }) => lines);
  }

  #running(): Line[] {
    return this.#lines().filter(({ timeline }) => timeline !== undefined);
  }

  /** Begins with lines that wait, the oldest first, while there are pages for them. */
  #admit(events: JobEvent[]): void {
    const blocked: Task[] = [];
    for (const line of this.#lines()) {
      if (line.timeline || line.task.isPaused) continue;
      if (blocked.some(({ nOvertaken }) => nOvertaken >= MOST_OVERTAKEN)) return;
      const running = this.#running();
      if (this.#admission.isBeingRead(line, running)) continue;
      const cachedTokens = this.#admission.begin(line, running);
      if (cachedTokens === undefined) {
        blocked.push(line.task);
        continue;
      }
      for (const task of blocked) task.nOvertaken++;
      if (line.chooser.nChosen > 0) continue; // it was put back before
      this.#counts.prefixQueries += line.chooser.text.length;
      this.#counts.prefixHits += cachedTokens;
      events.push({ type: "admitted", job: line.task.id, cachedTokens });
    }
  }

  /** Shares out the rows of the step, and makes room for them: from kept texts, then from the youngest lines. */
  #makeRoom(events: JobEvent[]): RowShare[] {
    const lines = this.#running().filter(({ task }) => !task.isPaused);
    let left = shareRows(lines, this.size);
    for (;;) {
      const nPages = left.reduce((sum, { line, nRows }) => {
        const nGuesses = line.isDecoding ? (line.task.job.draftSteps ?? 0) : 0;
        return sum + line.pagesFor((line.timeline?.length ?? 0) + nRows + nGuesses);
      }, 0);
      this.#keeper.makeRoom(nPages);
      if (this.#pool.maxPages - this.#pool.nLive >= nPages) return left;
      const running = this.#running();
      const youngest = running[running.length - 1];
      left = left.filter(({ line }) => line !== youngest);
      if (running.length > 1) {
        this.#counts.preemptions++;
        this.#keep(youngest);
        youngest.putBack();
        continue;
      }
      const { task, choice } = youngest;
      events.push({ type: "end", job: task.id, choice, reason: "context" });
      this.#finish(youngest);
    }
  }

  /** Runs the parts together. If that fails, each alone, so that a text that cannot go on stops no other. */
  #run(sown: readonly Sown[], events: JobEvent[]): void {
    const { ops } = this.#model;
    const mark = ops.mark();
    try {
      const parts = sown.map(({ line, tokens }) => ({
        timeline: line.timeline as Timeline,
        tokens,
      }));
      const trace = new StepTrace(this.#shape, sown.map(tracedPart));
      let hidden: Tensor<["T", "hidden"]>;
      try {
        hidden = runStep(this.#model, parts, trace.taps(this.#taps));
      } catch (error) {
        if (sown.length > 1) for (const one of sown) this.#run([one], events);
        else this.#fail(sown[0].line.task, error, events);
        return;
      }
      for (const [i, rows] of trace.rows().entries()) {
        if (rows) events.push(traceEvent(sown[i], rows));
      }
      for (const { task, outcome } of harvest(this.#model, this.#maxContext, sown, hidden)) {
        events.push(...outcome.events);
        if (outcome.error !== undefined) this.#fail(task, outcome.error, events);
        for (const line of outcome.over) this.#finish(line);
      }
    } finally {
      ops.release(mark);
    }
  }

  #fail(task: Task, error: unknown, events: JobEvent[]): void {
    if (!this.#tasks.has(task.id)) return;
    events.push({ type: "failed", job: task.id, error });
    this.cancel(task.id);
  }

  /** A choice is at its end. */
  #finish(line: Line): void {
    const { lines, id } = line.task;
    if (!lines.includes(line)) return;
    lines.splice(lines.indexOf(line), 1);
    if (lines.length === 0) this.#tasks.delete(id);
    this.#drop(line);
  }

  #drop(line: Line): void {
    this.#keep(line);
    line.putBack();
    line.chooser.close();
  }

  /** Keeps the pages of a line that ends or is put back. */
  #keep({ timeline }: Line): void {
    if (timeline) this.#keeper.keep(timeline.cache.table.fork());
  }
}
