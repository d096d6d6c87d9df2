/**
 * Where cold rows go. The engine opens no file; the host brings the store, as it brings the sources
 * of weights. Calls are synchronous, because a layer that needs rows has nothing else to do. Only
 * {@link RowStore.begin} reads while the engine computes.
 *
 * Next: cold-rows.ts
 * @module
 */
import { GlmError } from "../base/errors.ts";

/** Bytes that can be read and written at any place. */
export interface RowStore {
  /** What error messages call it. */
  readonly name: string;
  /** Fills `target` with the bytes from `offset` on, and returns how many it read. */
  read(offset: number, target: Uint8Array): number;
  /** Keeps all of `bytes`. When it throws, the bytes at this place may be anything. */
  write(offset: number, bytes: Uint8Array): void;
  /**
   * Begins to read while the engine computes. A store may lack this, or return nothing; rows are
   * then read when they are needed.
   */
  begin?(reads: readonly StoreRead[]): PendingReads | undefined;
}

/** One read from a store. */
export interface StoreRead {
  /** The first byte in the store. */
  readonly offset: number;
  /** The memory to fill. */
  readonly target: Uint8Array;
}

/**
 * Reads that have begun. The targets belong to the store until {@link PendingReads.wait} returns.
 */
export interface PendingReads {
  /** Whether all is read. */
  readonly isDone: boolean;
  /**
   * Waits until all is read. It throws when something could not be read. After it, nothing is
   * written to the targets any more.
   */
  wait(): void;
}

/** A store failed. The cause is the error of the host, where there is one. */
export class StoreError extends GlmError {
  override readonly name = "StoreError";
  readonly code = "store";
}

/**
 * Fills `target` with the bytes from `offset` on.
 *
 * @throws {StoreError} when the store fails or has fewer bytes; `target` may hold anything then
 */
export function readStored(store: RowStore, offset: number, target: Uint8Array): void {
  const what = `${store.name}: reading ${target.length} bytes at ${offset}`;
  let n: number;
  try {
    n = store.read(offset, target);
  } catch (cause) {
    throw new StoreError(what, String(cause), { cause });
  }
  if (n !== target.length) throw new StoreError(what, `got ${n}`);
}

/**
 * Writes `bytes` to the store.
 *
 * @throws {StoreError} when the store fails
 */
export function writeStored(store: RowStore, offset: number, bytes: Uint8Array): void {
  try {
    store.write(offset, bytes);
  } catch (cause) {
    const what = `writing ${bytes.length} bytes at ${offset}`;
    throw new StoreError(store.name, `${what}: ${cause}`, { cause });
  }
}
