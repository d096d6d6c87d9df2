/**
 * The options of a session, and the result of {@link Session.sync}.
 *
 * Next: session.ts
 * @module
 */
import type { Taps } from "../base/tap.ts";
import type { Floats } from "../base/tensor.ts";
import type { PoolChoice } from "./session-pool.ts";

/** How a session is set up. */
export interface SessionOptions extends PoolChoice {
  /** Largest number of tokens; at most `maxPositionEmbeddings`, which is the default. */
  readonly maxContext?: number;
  /** Tokens of a prefill step, 64 by default. It never changes a result, only the memory in use. */
  readonly chunk?: number;
  /** Makes a draft head too, for speculative decoding. */
  readonly draft?: boolean;
  /** They see the stages of every step. */
  readonly taps?: Taps;
  /** Is called after each step of a run of several steps, with the positions done and wanted. */
  readonly onProgress?: (done: number, total: number) => void;
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
