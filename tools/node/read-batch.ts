/**
 * What is asked of the threads that read, written down in memory that they share.
 *
 * Next: readers.ts
 * @module
 */
import type { ExponentMask } from "../../engine/numbers/all-finite.ts";
import { READ_BLOCK } from "../../engine/stream/read-store.ts";
import { BATCH, CHECK_NUMBERS, PIECE_NUMBERS, type ReadBatch } from "./reader-program.ts";

/**
 * Readers share a read that is longer than this, and a read that is more urgent waits for no more than
 * about this: a quarter of an expert of GLM-5.2 in FP8.
 */
export const PIECE_BYTES: number = 9 * 2 ** 20;

/** Finds nothing. */
const NO_EXPONENTS: ExponentMask = { mask: 0, one: 0, step: 4 };

/** Bytes kept of what the system says. */
const TEXT_BYTES = 256;

/** Whether threads can read into this memory. */
export function isShared(target: Uint8Array): boolean {
  return target.buffer instanceof SharedArrayBuffer;
}

/** One read. */
export interface ReadJob {
  /** The number of the file, see {@link Readers.addFile}. */
  readonly file: number;
  /** The first byte in the file. */
  readonly offset: number;
  /** The memory to fill; see {@link isShared}. */
  readonly target: Uint8Array;
  /** What to find out about parts of the target when all of it has come. */
  readonly checks?: readonly PartCheck[];
}

/** A part of a target to look at. */
export interface PartCheck {
  /** Where it begins in the target. */
  readonly at: number;
  readonly length: number;
  /** How to find numbers that are not finite, if somebody wants to know. */
  readonly exponents?: ExponentMask;
}

/** What was found out about a part. */
export interface PartResult {
  /** Its {@link checksum}. */
  readonly checksum: number;
  readonly isFinite: boolean;
}

/** Why a read failed. */
export interface ReadFailure {
  /** Which of the reads of the batch. */
  readonly read: number;
  /** How many of its bytes came, where the file had no more. */
  readonly got?: number;
  /** What the system said, where it refused. */
  readonly text?: string;
}

/** Writes reads down, cut into pieces. */
export function readBatch(
  jobs: readonly ReadJob[],
  isGuess: boolean,
  numberOf: (buffer: SharedArrayBuffer) => number,
): ReadBatch {
  const pieces: number[] = [];
  const checks: number[] = [];
  const left: number[] = [];
  for (const [read, { file, offset, target, checks: parts = [] }] of jobs.entries()) {
    const buffer = numberOf(target.buffer as SharedArrayBuffer);
    const nParts = Math.ceil(target.length / PIECE_BYTES);
    for (let part = 1, at = 0; part <= nParts; part++) {
      const end = endOf(part, nParts, offset, target.length);
      pieces.push(file, offset + at, end - at, buffer, target.byteOffset + at, read);
      at = end;
    }
    left.push(nParts);
    for (const { at, length, exponents = NO_EXPONENTS } of parts) {
      const { mask, one, step } = exponents;
      checks.push(read, buffer, target.byteOffset + at, length, mask, one, step);
    }
  }
  const nWords = BATCH.left + left.length + (2 * checks.length) / CHECK_NUMBERS;
  const words = new Int32Array(new SharedArrayBuffer(nWords * Int32Array.BYTES_PER_ELEMENT));
  words[BATCH.isGuess] = Number(isGuess);
  words.set(left, BATCH.left);
  const text = new Uint8Array(new SharedArrayBuffer(TEXT_BYTES));
  return {
    ...{ words, text },
    ...{ pieces: Float64Array.from(pieces), checks: Float64Array.from(checks) },
  };
}

/**
 * Where a part of a read ends, counted from its first byte. Parts end where blocks of the file do, so no
 * two of them write into one block.
 */
function endOf(part: number, nParts: number, offset: number, length: number): number {
  if (part === nParts) return length;
  const end = offset + Math.floor((length * part) / nParts);
  return end - (end % READ_BLOCK) - offset;
}

/** Why a read failed, if one did. */
export function failureOf(batch: ReadBatch, jobs: readonly ReadJob[]): ReadFailure | undefined {
  const { words, text, pieces } = batch;
  const failed = Atomics.load(words, BATCH.failed) - 1;
  if (failed < 0) return undefined;
  const [, offset, , , , read] = pieces.subarray(PIECE_NUMBERS * failed);
  const got = words[BATCH.got];
  if (got >= 0) return { read, got: offset + got - jobs[read].offset };
  const said = new TextDecoder().decode(text.slice());
  return { read, text: said.replace(/\0+$/, "") };
}

/** What the checks found, in the order of the reads. */
export function resultsOf({ words, checks }: ReadBatch): PartResult[] {
  const nChecks = checks.length / CHECK_NUMBERS;
  const found = words.subarray(words.length - 2 * nChecks);
  return Array.from({ length: nChecks }, (_, i) => ({
    checksum: found[2 * i] >>> 0,
    isFinite: found[2 * i + 1] !== 0,
  }));
}

/** Bytes of the first `n` pieces. */
export function bytesOf({ pieces }: ReadBatch, n: number): number {
  let bytes = 0;
  for (let i = 0; i < n; i++) bytes += pieces[PIECE_NUMBERS * i + 2];
  return bytes;
}
