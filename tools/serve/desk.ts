/**
 * The desk takes orders for texts and hands out what comes of them. Everything that speaks HTTP sees the
 * engine through it; behind it stands a worker with the model, or in tests whatever a test wants.
 *
 * Next: chat-ask.ts
 * @module
 */
import type {
  FinishReason,
  LikelyToken,
  SamplingOptions,
  TracedRows,
  TraceShape,
  TraceWish,
} from "../../engine/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { ConstraintSpec } from "../constrain/grammar.ts";
import type { ChatTemplate } from "../library/chat-template.ts";

/** What is served. */
export interface ServedModel {
  /** The name that requests give, and that answers carry. */
  readonly name: string;
  /** A hash of weights, tokenizer, row formats and numeric mode: equal for equal answers. */
  readonly fingerprint: string;
  /** The most tokens of a prompt and its reply together. */
  readonly maxContext: number;
  /** Ids of the vocabulary that can be chosen: 0 … vocabulary − 1. */
  readonly vocabulary: number;
  /** How tokens are chosen where a request does not say. */
  readonly sampling: SamplingOptions;
  /** Tokens that end a text. */
  readonly eosTokenIds: readonly number[];
  /** What there is to tell of its layers. */
  readonly layers: TraceShape;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  /** The text of the model's chat template, if it has one. */
  readonly templateText: string | undefined;
}

/** A text that is wanted. It is plain data, which can be sent to a worker. */
export interface Order {
  /** The prompt. */
  readonly ids: readonly number[];
  /** The most tokens to generate. */
  readonly maxTokens: number;
  /** How tokens are chosen; all of it, the defaults too. */
  readonly sampling: SamplingOptions;
  /** The first choice's seed; choice `k` of `n` has `seed + k`. */
  readonly seed: number;
  /** Ids that end a text. */
  readonly stopIds: readonly number[];
  /** No stop id is chosen before so many tokens. */
  readonly minTokens: number;
  /** How many of the most probable ids are told with each token. */
  readonly topLogProbs: number;
  /** Whether log-probabilities of the prompt's own tokens are wanted, with as many others. */
  readonly promptLogProbs: boolean;
  /** How many texts. */
  readonly n: number;
  /** What is to be told of the rows of all texts. */
  readonly trace?: TraceWish | undefined;
  /** What every text is held to. */
  readonly constraint?: ConstraintSpec | undefined;
  /** Milliseconds after which the order is given up. */
  readonly timeout?: number | undefined;
}

/** What happens to an order. */
export type Happening =
  /** It has its place among those that run; so many tokens of its prompt had been run before. */
  | { readonly type: "admitted"; readonly cachedTokens: number }
  /** So many tokens of the prompt were run. */
  | { readonly type: "prefill"; readonly done: number; readonly total: number }
  /** The prompt's tokens from the second on, each after those before it; it comes once, when asked for. */
  | { readonly type: "prompt"; readonly tokens: readonly ScoredId[] }
  /**
   * What the layers chose for the rows of a text at `start` and behind it; what is told later counts. The
   * rows of the prompt are told with the first text.
   */
  | {
      readonly type: "trace";
      readonly choice: number;
      readonly start: number;
      readonly rows: TracedRows;
    }
  /** A text has one more token. A stop id that was chosen is told too, as `isStop`. */
  | {
      readonly type: "token";
      readonly choice: number;
      readonly token: ScoredId;
      readonly isStop: boolean;
    }
  /** A text is at its end. After the end of all of them nothing happens any more. */
  | { readonly type: "end"; readonly choice: number; readonly reason: EndReason };

/** Why a text ended; see `FinishReason` of the engine. `timeout`: it took longer than it might. */
export type EndReason = FinishReason | "timeout";

/** A token, its log-probability before any option or mask, and the most probable ones in its place. */
export interface ScoredId {
  readonly id: number;
  readonly logProb: number;
  readonly top: readonly LikelyToken[];
}

/** An order that was taken. */
export interface Ticket {
  /**
   * What happens, in order, for one reader. A reader that is slow slows its own order alone.
   *
   * @throws {ServeError} when the order fails
   */
  readonly happenings: AsyncIterable<Happening>;
  /** Ends one of the texts: what follows is not needed. Its end happens then, as `aborted`. */
  end(choice: number): void;
  /**
   * Gives up the order. Its memory is free at once, and nothing more happens: a reader who waits is
   * told that it is over. Does nothing when it is over already.
   */
  cancel(): void;
}

/** Numbers for `/metrics` and `/health`. Counters grow from 0 while the server runs. */
export interface DeskLoad {
  readonly running: number;
  readonly waiting: number;
  /** Share of the pages of rows that are in use: 0 … 1. */
  readonly pagesInUse: number;
  readonly preemptions: number;
  readonly steps: number;
  readonly rows: number;
  readonly prefixQueries: number;
  readonly prefixHits: number;
  readonly drafts: number;
  readonly draftTokens: number;
  readonly draftTokensAccepted: number;
}

/** Takes orders; see the top of this file. */
export interface Desk {
  readonly model: ServedModel;
  /** Whether it takes orders: not while it starts, and not from {@link close} on. */
  readonly isOpen: boolean;
  /**
   * Takes an order.
   *
   * @throws {ServeError} when too many wait, when it is closing, or when the order alone is too large
   */
  submit(order: Order): Ticket;
  /** What it is at. */
  load(): DeskLoad;
  /** Takes no more orders, lets those that run end within so many milliseconds, and ends. */
  close(graceMs: number): Promise<void>;
}
