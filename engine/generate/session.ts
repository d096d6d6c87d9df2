/**
 * A session is one timeline: a sequence of tokens, and the caches with their rows.
 *
 * A caller says what the whole sequence should be. {@link Session.sync} finds how much of it the
 * caches hold already, drops the rows that differ, and runs the rest. A session knows only token
 * ids, no text.
 *
 * Next: generate.ts
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import { noTaps, type Taps } from "../base/tap.ts";
import type { Floats, Tensor } from "../base/tensor.ts";
import { ModelCache } from "../kv/model-cache.ts";
import type { PagePool } from "../kv/page-pool.ts";
import { PageTable } from "../kv/page-table.ts";
import { head, type Model } from "../model/model.ts";
import { checkTokens, TokenError } from "./check-tokens.ts";
import { commonPrefix } from "./common-prefix.ts";
import { DraftHead } from "./draft-head.ts";
import { Pace } from "./pace.ts";
import { positionsThatFit } from "./room.ts";
import { contextOf, type SessionOptions, type SyncResult } from "./session-options.ts";
import { sessionPool } from "./session-pool.ts";
import { runStep, Timeline } from "./timeline.ts";

/** One sequence, its caches, and the operations on them. */
export class Session {
  /** The model that runs. */
  readonly model: Model;
  /** The most positions that the model, or the options, allow. */
  readonly maxContext: number;
  readonly #pace: Pace;
  readonly #taps: Taps;
  readonly #onProgress: (done: number, total: number) => void;
  #timeline: Timeline;
  #draft: DraftHead | undefined;
  /** Logits after the last token, if they were asked for. */
  #lastLogits: Floats | undefined;

  constructor(model: Model, options: SessionOptions = {}) {
    this.model = model;
    this.maxContext = contextOf(options, model.config.maxPositionEmbeddings);
    this.#pace = new Pace(options.chunk, model.weights.layers.isStreamed);
    this.#taps = options.taps ?? noTaps;
    this.#onProgress = options.onProgress ?? (() => {});
    const pool = sessionPool(model, options);
    this.#timeline = new Timeline(new ModelCache(new PageTable(pool)));
    this.#draft = options.draft ? new DraftHead(model, pool.layout.format) : undefined;
  }

  /** The pool of pages that this session uses. Other sessions of the model can share it. */
  get pool(): PagePool {
    return this.#timeline.pool;
  }

  /** The most positions there can be: {@link maxContext}, or fewer if memory ends before. */
  get room(): number {
    const pools = this.#draft ? [this.pool, this.#draft.pool] : [this.pool];
    const fit = positionsThatFit(this.model.config, pools, this.tokens.length, this.#pace.least);
    return Math.min(this.maxContext, fit);
  }

  /** The tokens whose rows the caches hold. */
  get tokens(): readonly number[] {
    return this.#timeline.tokens;
  }

  /** Logits after the last of {@link tokens}; undefined if they were not computed. */
  get lastLogits(): Floats | undefined {
    return this.#lastLogits;
  }

  /** The draft head, if the session was made with one. */
  get draft(): DraftHead | undefined {
    return this.#draft;
  }

  /**
   * Makes the timeline equal to `tokens`, and returns the logits after the last of them. When the
   * caches hold all tokens, but the logits are not known, the last token is run once more.
   *
   * @throws {TokenError} when a token id is out of range, or there are no tokens
   * @throws {CacheFullError} when there are more than `maxContext` tokens
   * @throws {StoreError} when cold rows cannot be written or read; earlier tokens are kept then
   */
  sync(tokens: readonly number[]): SyncResult {
    if (tokens.length === 0) throw new TokenError("sync", "no tokens");
    checkTokens(tokens, 0, this, this.model.config);
    const same = commonPrefix(tokens, this.tokens);
    const kind =
      same === tokens.length ? "reused" : same === this.tokens.length ? "extended" : "rebuilt";
    if (this.#lastLogits && this.#isAll(tokens)) {
      return { kind, kept: same, logits: this.#lastLogits };
    }
    const kept = this.#keep(tokens, same);
    return { kind, kept, logits: this.append(tokens.slice(kept)) };
  }

  /**
   * Runs all of `tokens` except the last one, so that {@link sync} has one token left to run.
   * Between two steps the event loop gets a turn, so that an abort can arrive. Returns false if
   * `signal` aborted. Throws the errors of {@link sync}.
   */
  async prefill(tokens: readonly number[], signal?: AbortSignal): Promise<boolean> {
    if (tokens.length === 0) throw new TokenError("prefill", "no tokens");
    checkTokens(tokens, 0, this, this.model.config);
    if (this.#lastLogits && this.#isAll(tokens)) return true;
    const end = tokens.length - 1;
    this.#keep(tokens, commonPrefix(tokens, this.tokens));
    for (let at = this.tokens.length; at < end; at = this.tokens.length) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (signal?.aborted) return false;
      this.#run(tokens.slice(at, Math.min(at + this.#nextChunk(), end)), () => []);
      this.#onProgress(this.tokens.length, tokens.length);
    }
    return true;
  }

  /** Runs more tokens, and returns the logits after the last. Throws the errors of {@link sync}. */
  append(tokens: readonly number[]): Floats {
    const rows = this.#run(tokens, (hidden, isLast) => {
      const [nT] = hidden.shape;
      return isLast ? this.#logits(this.model.ops.slice(hidden, nT - 1, nT)) : [];
    });
    this.#lastLogits = rows[0];
    return rows[0];
  }

  /** Runs more tokens, and returns the logits after each one. Throws the errors of {@link sync}. */
  appendAll(tokens: readonly number[]): Floats[] {
    const rows = this.#run(tokens, (hidden) => this.#logits(hidden));
    this.#lastLogits = rows.at(-1);
    return rows;
  }

  /** Forgets every position from `length` on. */
  truncate(length: number): void {
    if (!(Number.isInteger(length) && length >= 0)) {
      throw new ArgumentError("truncate", `expected a length of 0 or more, got ${length}`);
    }
    if (length >= this.tokens.length) return;
    this.#forget(length);
    this.#draft?.truncate(length);
  }

  /**
   * Makes a second session with the same tokens, which can be continued in another way. Both share
   * their pages until one of them writes to a page.
   */
  fork(): Session {
    const { model, maxContext, pool } = this;
    const { fixed: chunk } = this.#pace;
    const others = { taps: this.#taps, onProgress: this.#onProgress, ...(chunk && { chunk }) };
    const twin = new Session(model, { ...others, maxContext, pool });
    twin.#timeline = this.#timeline.fork();
    twin.#draft = this.#draft?.fork();
    twin.#lastLogits = this.#lastLogits;
    return twin;
  }

  /** The numbers of the pages of {@link pool} that hold its rows, in the order of their positions. */
  get pages(): readonly number[] {
    return this.#timeline.cache.table.pages;
  }

  /** The bytes of page `i` of the timeline, which {@link restore} can read again. */
  pageBytes(i: number): Uint8Array {
    return this.pool.bytesOf(this.pages[i]);
  }

  /**
   * Restores a saved session: afterwards, this session is as if it had run `tokens`. It must be new
   * and have no draft head. The caller makes sure that model, backend and number formats are the
   * same as when the pages were saved.
   *
   * @param bytesOf returns the bytes of a page; it is called for each page in turn
   * @param logits the logits after the last token, if they were saved
   */
  restore(tokens: readonly number[], bytesOf: (page: number) => Uint8Array, logits?: Floats): void {
    if (this.#draft) throw new ArgumentError("restore", "expected a session without a draft head");
    checkTokens(tokens, 0, this, this.model.config);
    this.#timeline.cache.restore(tokens.length, bytesOf);
    this.#timeline.extend(tokens);
    this.#lastLogits = logits;
  }

  /** Frees the memory of the caches. The session cannot be used again. */
  close(): void {
    this.#timeline.close();
    this.#draft?.close();
  }

  /**
   * Keeps the common prefix, which is `same` tokens long, and then reuses pages that other sessions
   * of the same pool have filled. The last token is never kept, because it is run for its logits. A
   * session with a draft head reuses no pages of others: the draft head would need their hidden
   * states, which no page has.
   *
   * @returns how many tokens the caches hold now
   */
  #keep(tokens: readonly number[], same: number): number {
    const most = tokens.length - 1;
    this.truncate(Math.min(same, most));
    if (!this.#draft) this.#timeline.adopt(tokens.slice(0, most));
    return this.tokens.length;
  }

  /** Whether the caches hold these tokens and no other. */
  #isAll(tokens: readonly number[]): boolean {
    return (
      tokens.length === this.tokens.length && commonPrefix(tokens, this.tokens) === tokens.length
    );
  }

  /** Drops all positions from `length` on from the main caches. */
  #forget(length: number): void {
    this.#lastLogits = undefined;
    this.#timeline.truncate(length);
  }

  /**
   * Runs `tokens` chunk by chunk, and collects what `take` returns for the hidden states of each.
   */
  #run(
    tokens: readonly number[],
    take: (hidden: Tensor<["T", "hidden"]>, isLast: boolean) => Floats[],
  ): Floats[] {
    if (tokens.length === 0) throw new TokenError("append", "no tokens");
    checkTokens(tokens, this.tokens.length, this, this.model.config);
    this.#recallHidden();
    this.#lastLogits = undefined;
    const { ops } = this.model;
    const total = this.tokens.length + tokens.length;
    const results: Floats[] = [];
    for (let from = 0; from < tokens.length; ) {
      const part = tokens.slice(from, from + this.#nextChunk());
      from += part.length;
      const begun = performance.now();
      const mark = ops.mark();
      try {
        const hidden = this.#step(part);
        results.push(...take(hidden, this.tokens.length === total));
      } finally {
        ops.release(mark);
      }
      this.#pace.took(part.length, performance.now() - begun);
      if (part.length < tokens.length) this.#onProgress(this.tokens.length, total);
    }
    return results;
  }

  #nextChunk(): number {
    return this.#pace.next(this.model.config, this.pool, this.tokens.length);
  }

  /** Runs one step. */
  #step(tokens: readonly number[]): Tensor<["T", "hidden"]> {
    const start = this.tokens.length;
    const hidden = runStep(this.model, [{ timeline: this.#timeline, tokens }], this.#taps);
    this.#draft?.observe(start, Int32Array.from(tokens), hidden);
    return hidden;
  }

  /**
   * Makes sure that the draft head has the hidden state of the last position, which it needs to go
   * on. After a truncate it may not have it. Then that position is run again, which writes the same
   * rows once more; the slots of the draft head are all before it and do not change.
   */
  #recallHidden(): void {
    const last = this.tokens.length - 1;
    if (last < 0 || !this.#draft || this.#draft.canContinueAt(last + 1)) return;
    const token = this.tokens[last];
    this.#forget(last);
    const mark = this.model.ops.mark();
    try {
      this.#step([token]);
    } finally {
      this.model.ops.release(mark);
    }
  }

  /** One array of `vocab` logits for each row. */
  #logits(hidden: Tensor<["T", "hidden"]>): Floats[] {
    const values = this.model.ops.read(head(this.model, hidden, this.#taps));
    const { vocabSize } = this.model.config;
    return Array.from({ length: hidden.shape[0] }, (_, t) =>
      values.subarray(t * vocabSize, (t + 1) * vocabSize),
    );
  }
}
