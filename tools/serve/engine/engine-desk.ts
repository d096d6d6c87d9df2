/**
 * The desk in front of an engine that runs elsewhere: on a worker, or on the same thread in tests.
 *
 * Next: open-engine.ts
 * @module
 */
import type { Desk, DeskLoad, Order, ServedModel, Ticket } from "../desk.ts";
import { ServeError } from "../serve-error.ts";
import { HappeningQueue } from "./happening-queue.ts";
import type {
  EngineEvent,
  EngineLoad,
  FailedOrder,
  FromEngine,
  OrderId,
  ToEngine,
} from "./protocol.ts";

/** The most orders that may wait and run at once. */
const MOST_ORDERS = 1024;

/** The way to an engine. */
export interface EnginePort {
  /** Says something to the engine. */
  post(message: ToEngine): void;
  /** Is given what the engine says. */
  listen(listener: (message: FromEngine) => void): void;
  /** Ends the engine, whatever it is at. */
  terminate(): Promise<void>;
}

/** An order that is not over. */
interface Open {
  readonly queue: HappeningQueue;
  /** Choices that are not at their end. */
  readonly choices: Set<number>;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

const AT_REST: EngineLoad = {
  running: 0,
  waiting: 0,
  pages: 0,
  keptPages: 0,
  steps: 0,
  rows: 0,
  preemptions: 0,
  prefixQueries: 0,
  prefixHits: 0,
  drafts: 0,
  draftTokens: 0,
  draftTokensAccepted: 0,
  maxPages: 1,
};

/** How a desk is set up. */
export interface EngineDeskOptions {
  /** The most orders that may wait and run at once; 1,024 by default. */
  readonly maxOrders?: number | undefined;
}

/** Takes orders for an engine; see the top of this file. */
export class EngineDesk implements Desk {
  readonly model: ServedModel;
  readonly #port: EnginePort;
  readonly #maxOrders: number;
  readonly #open = new Map<OrderId, Open>();
  #nOrders = 0;
  #load = AT_REST;
  #isOpen = true;
  #whenIdle: () => void = () => {};
  #whenClosed: (error?: FailedOrder) => void = () => {};

  /** @param port to an engine that is ready */
  constructor(
    model: ServedModel,
    port: EnginePort,
    { maxOrders = MOST_ORDERS }: EngineDeskOptions = {},
  ) {
    this.model = model;
    this.#port = port;
    this.#maxOrders = maxOrders;
    port.listen((message) => this.#hear(message));
  }

  /** Whether it takes orders. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Takes an order; see {@link Desk.submit}. */
  submit(order: Order): Ticket {
    if (!this.#isOpen)
      throw new ServeError("unavailable", "server", "it is ending; ask another one");
    if (this.#open.size >= this.#maxOrders) {
      const what = `expected fewer than ${this.#maxOrders} requests at a time; ask again later`;
      throw new ServeError("queue-full", "queue", what);
    }
    const id = this.#nOrders++;
    const queue = new HappeningQueue((flows) => {
      this.#port.post({ type: flows ? "resume" : "pause", id });
    });
    const { timeout } = order;
    const timer = timeout === undefined ? undefined : setTimeout(() => this.#timeOut(id), timeout);
    const choices = new Set(Array.from({ length: order.n }, (_, choice) => choice));
    this.#open.set(id, { queue, choices, timer });
    this.#port.post({ type: "submit", id, order });
    return {
      happenings: queue,
      end: (choice) => this.#end(id, choice),
      cancel: () => this.#cancel(id),
    };
  }

  /** What the engine was at after its last step. */
  load(): DeskLoad {
    const { pages, maxPages, keptPages: _, ...others } = this.#load;
    return { ...others, pagesInUse: pages / maxPages };
  }

  /** Takes no more orders; see {@link Desk.close}. */
  async close(graceMs: number): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#open.size > 0) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
        timer = setTimeout(resolve, graceMs);
      });
      clearTimeout(timer);
    }
    this.#failAll(new ServeError("unavailable", "server", "it has ended"));
    const closed = new Promise<FailedOrder | undefined>((resolve) => {
      this.#whenClosed = resolve;
    });
    this.#port.post({ type: "close" });
    const error = await closed;
    await this.#port.terminate();
    if (error) throw errorOf(error);
  }

  /** The engine is gone: every order fails, and no other is taken. */
  died(why: string): void {
    this.#isOpen = false;
    this.#failAll(new ServeError("failed", "engine", `it has ended: ${why}`));
    this.#whenClosed();
  }

  #hear(message: FromEngine): void {
    if (message.type === "closed") this.#whenClosed(message.error);
    if (message.type !== "step") return;
    this.#load = message.load;
    for (const event of message.events) this.#happens(event);
  }

  #happens(event: EngineEvent): void {
    const { id, ...happening } = event;
    const open = this.#open.get(id);
    if (!open) return;
    if (happening.type === "failed") {
      this.#close(id);
      open.queue.end(errorOf(happening.error));
      return;
    }
    if (happening.type === "end" && !open.choices.delete(happening.choice)) return;
    if (happening.type === "token" && !open.choices.has(happening.choice)) return;
    open.queue.push(happening);
    if (open.choices.size === 0) this.#over(id);
  }

  #end(id: OrderId, choice: number): void {
    const open = this.#open.get(id);
    if (!open?.choices.delete(choice)) return;
    this.#port.post({ type: "end", id, choice });
    open.queue.push({ type: "end", choice, reason: "aborted" });
    if (open.choices.size === 0) this.#over(id);
  }

  #cancel(id: OrderId): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#port.post({ type: "cancel", id });
    this.#close(id);
    open.queue.drop();
  }

  #timeOut(id: OrderId): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#port.post({ type: "cancel", id });
    for (const choice of open.choices) open.queue.push({ type: "end", choice, reason: "timeout" });
    this.#over(id);
  }

  /** All choices are at their end. */
  #over(id: OrderId): void {
    this.#port.post({ type: "cancel", id });
    this.#open.get(id)?.queue.end();
    this.#close(id);
  }

  #close(id: OrderId): void {
    clearTimeout(this.#open.get(id)?.timer);
    this.#open.delete(id);
    if (this.#open.size === 0) this.#whenIdle();
  }

  #failAll(error: ServeError): void {
    for (const [id, { queue }] of [...this.#open]) {
      this.#close(id);
      queue.end(error);
    }
  }
}

/** What a client is told of an order that failed. */
function errorOf({ code, where, what, stack }: FailedOrder): unknown {
  const kind = code === "context" ? "context-length" : "request";
  if (code !== undefined) return new ServeError(kind, where, what);
  const error = new Error(what);
  if (stack !== undefined) error.stack = stack;
  return error;
}
