/**
 * Runs the scheduler for a server: takes its messages between steps, and tells what each step brought.
 *
 * It does not know whether the server is on another thread. Between two steps it gives the event loop a
 * turn, so that messages arrive; when there is nothing to do, it waits for one.
 *
 * Next: engine-desk.ts
 * @module
 */
import {
  type Constraint,
  GlmError,
  type JobEvent,
  type JobId,
  type Scheduler,
} from "../../../engine/index.ts";
import type { ConstraintSpec } from "../../constrain/grammar.ts";
import type { Order } from "../desk.ts";
import type {
  EngineEvent,
  EngineLoad,
  FailedOrder,
  FromEngine,
  OrderId,
  ToEngine,
} from "./protocol.ts";

/** While prompts are read beside other texts, a step should take about so many milliseconds. */
const STEP_MS = 50;
/** Steps have at least so many rows: fewer would read the weights too often. */
const LEAST_ROWS = 64;
const MOST_ROWS = 512;

/** What a runner runs. */
export interface RunnerParts {
  readonly scheduler: Scheduler;
  /** The most pages that there may be. */
  readonly maxPages: number;
  /** Guesses of the draft head for each step of every order. */
  readonly draftSteps: number;
  /** Whether the sizes of steps stay as they are. */
  readonly hasFixedSteps: boolean;
  /** Makes what a text is held to. */
  readonly constraintOf: (spec: ConstraintSpec) => Constraint;
  /** Writes what is to be kept for the next run. */
  readonly save?: (() => Promise<void>) | undefined;
  /** Ends the model. */
  readonly close: () => Promise<void>;
}

/** The engine's side of the conversation; see the top of this file. */
export class Runner {
  readonly #parts: RunnerParts;
  readonly #post: (message: FromEngine) => void;
  readonly #jobs = new Map<OrderId, JobId>();
  readonly #orders = new Map<JobId, OrderId>();
  #isRunning = false;
  #isClosed = false;
  /** Rows of a millisecond, as the last steps had them. */
  #rate = 0;

  /** @param post is given what the engine says */
  constructor(parts: RunnerParts, post: (message: FromEngine) => void) {
    this.#parts = parts;
    this.#post = post;
  }

  /** Takes a message of the server. */
  receive(message: ToEngine): void {
    if (this.#isClosed) return;
    const { scheduler } = this.#parts;
    if (message.type === "close") {
      void this.#close();
      return;
    }
    if (message.type === "submit") this.#submit(message.id, message.order);
    const job = this.#jobs.get(message.id);
    if (job !== undefined) {
      if (message.type === "pause") scheduler.pause(job);
      if (message.type === "resume") scheduler.resume(job);
      if (message.type === "end") scheduler.end(job, message.choice);
      if (message.type === "cancel") {
        scheduler.cancel(job);
        this.#forget(job);
      }
    }
    if (!this.#isRunning) void this.#run();
  }

  #submit(id: OrderId, order: Order): void {
    const { scheduler, draftSteps, constraintOf } = this.#parts;
    let constraint: Constraint | undefined;
    try {
      constraint = order.constraint && constraintOf(order.constraint);
      const { constraint: _, timeout: __, ...job } = order;
      const jobId = scheduler.submit({ ...job, draftSteps, ...(constraint && { constraint }) });
      this.#jobs.set(id, jobId);
      this.#orders.set(jobId, id);
    } catch (error) {
      constraint?.close();
      this.#tell([{ type: "failed", id, error: plainError(error) }]);
    }
  }

  /** Runs steps until there is nothing to do. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    const { scheduler } = this.#parts;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve)); // lets messages arrive
      if (this.#isClosed) return;
      const begun = performance.now();
      const { events, nRows } = scheduler.step();
      if (nRows === 0 && events.length === 0) break;
      this.#adapt(nRows, performance.now() - begun);
      this.#tell(events.flatMap((event) => this.#ofOrder(event)));
    }
    this.#tell([]); // what it is at, at rest
    this.#isRunning = false;
  }

  /** Prompts get as many rows of the next step as it should take. */
  #adapt(nRows: number, milliseconds: number): void {
    if (nRows < LEAST_ROWS / 2 || this.#parts.hasFixedSteps) return;
    const rate = nRows / Math.max(milliseconds, 0.1);
    this.#rate = this.#rate === 0 ? rate : 0.7 * this.#rate + 0.3 * rate;
    const stepRows = Math.min(MOST_ROWS, Math.max(LEAST_ROWS, Math.round(this.#rate * STEP_MS)));
    this.#parts.scheduler.size = { ...this.#parts.scheduler.size, stepRows };
  }

  /** An event with the number of its order; nothing for an order that was given up. */
  #ofOrder(event: JobEvent): EngineEvent[] {
    const id = this.#orders.get(event.job);
    if (id === undefined) return [];
    if (event.type === "failed") {
      this.#forget(event.job);
      return [{ type: "failed", id, error: plainError(event.error) }];
    }
    const { job: _, ...rest } = event;
    return [{ ...rest, id }];
  }

  #forget(job: JobId): void {
    const id = this.#orders.get(job);
    this.#orders.delete(job);
    if (id !== undefined) this.#jobs.delete(id);
  }

  #tell(events: readonly EngineEvent[]): void {
    this.#post({ type: "step", events, load: this.#load() });
  }

  #load(): EngineLoad {
    return { ...this.#parts.scheduler.load, maxPages: this.#parts.maxPages };
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    let error: FailedOrder | undefined;
    try {
      await this.#parts.save?.();
    } catch (cause) {
      error = plainError(cause);
    }
    this.#parts.scheduler.close();
    await this.#parts.close();
    this.#post({ type: "closed", ...(error && { error }) });
  }
}

/** An error as plain data. */
export function plainError(error: unknown): FailedOrder {
  if (error instanceof GlmError) {
    const { code, where, what } = error;
    return { code, where, what, stack: undefined };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  return { code: undefined, where: "engine", what: String(error), stack };
}
