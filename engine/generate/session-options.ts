/**
 * The options of a session, and the result of {@link Session.sync}.
 *
 * Next: session.ts
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import type { Taps } from "../base/tap.ts";
import type { Floats } from "../base/tensor.ts";
import type { PoolChoice } from "./session-pool.ts";

/** How a session is set up. */
export interface SessionOptions extends PoolChoice {
  /** Largest number of tokens; at most `maxPositionEmbeddings`, which is the default. */
  readonly maxContext?: number;
  /** Tokens of a prefill step; pace.ts says how many by default. It never changes a result. */
  readonly chunk?: number;
  /** Makes a draft head too, for speculative decoding. */
  readonly draft?: boolean;
  /** They see the stages of every step. */
  readonly taps?: Taps;
  /** Is called after each step of a run of several steps, with the positions done and wanted. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * The most positions that options and model allow.
 *
 * @param limit of the model
 * @throws {ArgumentError} for options that are out of range
 */
export function contextOf(options: SessionOptions, limit: number): number {
  const { maxContext = limit, chunk } = options;
  if (!(Number.isInteger(maxContext) && maxContext > 0 && maxContext <= limit)) {
    throw new ArgumentError("maxContext", `expected 1 … ${limit}, got ${maxContext}`);
  }
  if (chunk !== undefined && !(Number.isInteger(chunk) && chunk > 0)) {
    throw new ArgumentError("chunk", `expected a positive integer, got ${chunk}`);
  }
  return maxContext;
}

/** What {@link Session.sync} did. */
export interface SyncResult {
  /**
   * `reused`: the caches held the whole text, and at most its last token was run. `extended`: the
   * caches held the beginning of the text, and the rest was run. `rebuilt`: the caches held another
   * text, whose rows were dropped from the first different token on.
   */
  readonly kind: "reused" | "extended" | "rebuilt";
  /** Positions that were not run, because this session or another one of its pool held them. */
  readonly kept: number;
  /** Logits after the last token. */
  readonly logits: Floats;
}
