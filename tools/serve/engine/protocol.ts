/**
 * What the server and its engine say to each other. The engine runs in a worker, so that the server always
 * answers, however long a step takes; all messages are plain data.
 *
 * Next: runner.ts
 * @module
 */
import type { JobEvent, SchedulerLoad } from "../../../engine/index.ts";
import type { Order } from "../desk.ts";

/** The number of an order. */
export type OrderId = number;

/** What the server says. */
export type ToEngine =
  | { readonly type: "submit"; readonly id: OrderId; readonly order: Order }
  | { readonly type: "cancel" | "pause" | "resume"; readonly id: OrderId }
  | { readonly type: "end"; readonly id: OrderId; readonly choice: number }
  | { readonly type: "close" };

/** What the engine says. */
export type FromEngine =
  /** It can be given orders. */
  | { readonly type: "ready"; readonly about: EngineAbout }
  /** The model cannot be opened. */
  | { readonly type: "refused"; readonly error: FailedOrder }
  /** How far the loading of the model is, in bytes. */
  | { readonly type: "loading"; readonly done: number; readonly total: number }
  /** What one step brought, or an order that was not taken. */
  | {
      readonly type: "step";
      readonly events: readonly EngineEvent[];
      readonly load: EngineLoad;
    }
  /** It has ended: all orders were given up, the model is closed. What is to be kept may not be written. */
  | { readonly type: "closed"; readonly error?: FailedOrder };

/** What happened to an order. */
export type EngineEvent = OrderEvent<Exclude<JobEvent, { type: "failed" }>> | FailedEvent;

type OrderEvent<E> = E extends { readonly job: number } ? Omit<E, "job"> & OfOrder : never;

interface OfOrder {
  readonly id: OrderId;
}

/** An order that cannot go on, or was not taken. */
export interface FailedEvent extends OfOrder {
  readonly type: "failed";
  readonly error: FailedOrder;
}

/** Why: an error as plain data. */
export interface FailedOrder {
  /** The `code` of an error that a user can put right; undefined for a mistake of this program. */
  readonly code: string | undefined;
  readonly where: string;
  readonly what: string;
  readonly stack: string | undefined;
}

/** What the engine is at. */
export interface EngineLoad extends SchedulerLoad {
  /** The most pages that there may be. */
  readonly maxPages: number;
}

/** What runs. */
export interface EngineAbout {
  /** What computes, for people. */
  readonly arithmetic: string;
  /** The name of the backend. */
  readonly backend: string;
  readonly activations: "f32" | "int8";
  /** What was taken for granted, in a sentence for people. */
  readonly assumed: string | undefined;
  /** The most positions of one text: those of the model or of `--max-context`, or as many as there are pages for. */
  readonly maxContext: number;
  /** Bytes that the pages of rows may take. */
  readonly rowBytes: number;
  /** Tokens whose rows a file had, and those of them that there is room for; undefined without a file. */
  readonly kept: { readonly nTokens: number; readonly inFile: number } | undefined;
}
