/**
 * A timeline is a sequence of tokens that were run, and the caches with their rows. A step runs the next
 * tokens of one timeline, or of several at once.
 *
 * Next: session.ts, which runs one timeline; ../batch/scheduler.ts runs many
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import type { Taps } from "../base/tap.ts";
import type { Tensor } from "../base/tensor.ts";
import { crowdOf } from "../kv/crowd.ts";
import type { ModelCache } from "../kv/model-cache.ts";
import type { PagePool } from "../kv/page-pool.ts";
import { forward, type Model } from "../model/model.ts";

/** Tokens and their rows; see the top of this file. */
export class Timeline {
  /** The rows of all layers. */
  readonly cache: ModelCache;
  readonly #tokens: number[];

  /** @param tokens those whose rows the caches hold */
  constructor(cache: ModelCache, tokens: readonly number[] = []) {
    this.cache = cache;
    this.#tokens = [...tokens];
  }

  /** The tokens whose rows the caches hold. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** How many they are. */
  get length(): number {
    return this.#tokens.length;
  }

  /** The pool of pages that the rows are in. */
  get pool(): PagePool {
    return this.cache.table.pool;
  }

  /** Forgets every position from `length` on. */
  truncate(length: number): void {
    if (length >= this.#tokens.length) return;
    this.#tokens.length = length;
    this.cache.truncate(length);
  }

  /** Goes on with rows that were just appended to the caches. */
  extend(tokens: readonly number[]): void {
    this.#tokens.push(...tokens);
    this.cache.publish(this.#tokens);
  }

  /**
   * Goes on with pages of other timelines of the pool, as far as they have run these tokens, which
   * begin with those held.
   */
  adopt(tokens: readonly number[]): void {
    const length = this.cache.adopt(tokens);
    this.#tokens.push(...tokens.slice(this.#tokens.length, length));
  }

  /** Makes a second timeline with the same past. They share pages until one of them writes. */
  fork(): Timeline {
    return new Timeline(this.cache.fork(), this.#tokens);
  }

  /** Gives the memory back. The timeline cannot be used again. */
  close(): void {
    this.cache.close();
  }
}

/** The tokens that one timeline goes on with in a step, one or more. */
export interface Part {
  readonly timeline: Timeline;
  readonly tokens: readonly number[];
}

/**
 * Runs one step. Its parts are of different timelines of one pool. If it throws, all timelines are as they
 * were before.
 *
 * @returns the hidden states after the last norm, the rows of the parts one after the other
 */
export function runStep(model: Model, parts: readonly Part[], taps: Taps): Tensor<["T", "hidden"]> {
  for (const { timeline } of parts) timeline.cache.freeze();
  if (parts.length > 1 && taps.layer(0).wants("indexer_score")) {
    throw new ArgumentError("step", "the scores of several timelines are no single tensor");
  }
  const strands = parts.map(({ timeline, tokens }) => ({
    cache: timeline.cache,
    nRows: tokens.length,
  }));
  const { cache, positions } = crowdOf(strands);
  const tokens = Int32Array.from(parts.flatMap((part) => part.tokens));
  try {
    const hidden = forward(model, tokens, positions, cache, taps);
    for (const part of parts) part.timeline.extend(part.tokens);
    return hidden;
  } catch (error) {
    for (const { timeline } of parts) timeline.cache.truncate(timeline.length);
    throw error;
  }
}
