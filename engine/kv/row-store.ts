/**
 * Where cold rows go. The engine opens no file: the host brings the store, as it brings the sources
 * of weights. Calls are synchronous: a layer that needs rows has nothing else to do. Only
 * {@link RowStore.begin} reads at the side.
 *
 * Next: hot-rows.ts
 * @module
 */
import { GlmError } from "../errors.ts";

/** Bytes that can be read and written at any place. */
export interface RowStore {
  /** For error messages. */
  readonly name: string;
  /** Fills `target` with the bytes from `offset` on. Returns how many there were. */
  read(offset: number, target: Uint8Array): number;
  /** Keeps all of `bytes`, or throws; then the bytes at this place are unknown. */
  write(offset: number, bytes: Uint8Array): void;
  /**
   * Begins to read while the engine computes. Without it, or where it returns nothing, rows are read
   * when they are needed.
   */
  begin?(reads: readonly StoreRead[]): PendingReads | undefined;
}

/** One read: `target` is filled with the bytes from `offset` on. */
export interface StoreRead {
  readonly offset: number;
  readonly target: Uint8Array;
}

/** Reads that were begun. The targets belong to the store until {@link PendingReads.wait} returns. */
export interface PendingReads {
  /** Whether nothing is left to wait for. */
  readonly isDone: boolean;
  /** Returns when all is read; throws when something could not be. Nothing is written after it. */
  wait(): void;
}

/** A store did not do what it was asked. The cause is the host's error, where there is one. */
export class StoreError extends GlmError {
  override readonly name = "StoreError";
  readonly code = "store";
}

/** @throws {StoreError} when the store fails or has fewer bytes; `target` may hold anything then */
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

/** @throws {StoreError} when the store fails */
export function writeStored(store: RowStore, offset: number, bytes: Uint8Array): void {
  try {
    store.write(offset, bytes);
  } catch (cause) {
    const what = `writing ${bytes.length} bytes at ${offset}`;
    throw new StoreError(store.name, `${what}: ${cause}`, { cause });
  }
}
