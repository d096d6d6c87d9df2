/**
 * How many positions the memory of a backend can hold. It is found out before the work, so that a prompt
 * of an hour does not end in its last minute.
 *
 * Next: session.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import type { PagePool } from "../kv/page-pool.ts";

const FLOAT_BYTES = 4;

/** Bytes of a step that do not depend on its size: tables, lists of calls, what threads need each. */
const FIXED_BYTES = 2 ** 20;

/** The least that a step's own intermediates take, in numbers for each of its tokens. */
function numbersPerToken(c: ModelConfig): number {
  const heads =
    c.numAttentionHeads * (2 * (c.kvLoraRank + c.qkRopeHeadDim) + c.qkHeadDim + c.vHeadDim);
  const indexer = c.indexNHeads * c.indexHeadDim + c.indexTopk;
  const experts = c.numExpertsPerTok * (3 * c.moeIntermediateSize + 2 * c.hiddenSize);
  const mlp = Math.max(3 * c.intermediateSize, experts);
  return 6 * c.hiddenSize + c.qLoraRank + 2 * (heads + indexer) + mlp;
}

/** Bytes that a step of `chunk` tokens takes besides pages, when it ends at position `length`. */
export function stepBytes(config: ModelConfig, chunk: number, length: number): number {
  const numbers = chunk * (numbersPerToken(config) + length) + config.vocabSize;
  return FIXED_BYTES + FLOAT_BYTES * numbers;
}

/** What one page more takes of the memory. */
function bytesPerPage({ layout, hotRows }: PagePool): number {
  return (hotRows ? 0 : layout.rowsBytes) + layout.keysBytes;
}

/**
 * Positions that a timeline of `length` positions can grow to, as far as memory is known to end: pages for
 * their rows, and the intermediates of a step of `chunk` tokens, which are scores of all positions above all.
 *
 * @param pools those that each position has a row in: that of the main layers first
 * @returns infinity where the backend knows no end of its memory
 */
export function positionsThatFit(
  config: ModelConfig,
  pools: readonly PagePool[],
  length: number,
  chunk: number,
): number {
  const [{ memory, layout }] = pools;
  const { bytesLeft } = memory;
  if (bytesLeft === undefined) return Number.POSITIVE_INFINITY;
  const { rowsBytes, keysBytes, format } = layout;
  const pageBytes = pools.reduce((sum, pool) => sum + bytesPerPage(pool), 0);
  const scoreBytes = FLOAT_BYTES * chunk;
  const left = bytesLeft - stepBytes(config, chunk, length) - rowsBytes - keysBytes;
  const nMore = Math.floor(left / (pageBytes + scoreBytes * format.pageRows)) * format.pageRows;
  if (nMore < 0) return length;
  const inLastPage = (format.pageRows - (length % format.pageRows)) % format.pageRows;
  return length + inLastPage + nMore;
}
