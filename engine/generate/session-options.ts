/**
 * What goes into a session and what comes out of a sync.
 *
 * Next: session.ts
 * @module
 */
import type { Taps } from "../tap.ts";
import type { Floats } from "../tensor.ts";
import type { PoolChoice } from "./session-pool.ts";

/** How a session is set up. */
export interface SessionOptions extends PoolChoice {
  /** Positions to make room for; at most `maxPositionEmbeddings`, which is the default. */
  readonly maxContext?: number;
  /** Tokens per prefill step, 64 by default. Never changes a result, only the memory in use. */
  readonly chunk?: number;
  /** Keep the MTP layer's caches too, for speculative decoding. */
  readonly draft?: boolean;
  /** See the stages of every step. */
  readonly taps?: Taps;
  /** Called after each step of a run of several steps, with the positions done and wanted. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What {@link Session.sync} did. */
export interface SyncResult {
  /**
   * `reused`: the caches held all of it, at most the last token was run; `extended`: new tokens were
   * run after the old ones; `rebuilt`: the texts differ, rows were dropped and made anew.
   */
  readonly kind: "reused" | "extended" | "rebuilt";
  /** Positions that were held already, by this session or by another one of its pool. */
  readonly kept: number;
  /** Logits after the last token. */
  readonly logits: Floats;
}
