/**
 * Where cold pages go. The engine opens no file: the host brings the store, as it brings the
 * sources of weights.
 *
 * Next: tiered-pages.ts
 * @module
 */

/** Bytes that can be read and written at any place. */
export interface ByteStore {
  /** For error messages. */
  readonly name: string;
  /** Bytes `offset … offset + length − 1`, or fewer if they end before. The caller owns them. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** All of `bytes`, or it throws; then the bytes at this place are unknown. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
}

/** A store did not do what it was asked. The cause is the host's error, where there is one. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** @throws {StoreError} when the store fails or gives fewer bytes */
export async function readStored(
  store: ByteStore,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await store.read(offset, length);
  } catch (cause) {
    throw new StoreError(`${store.name}: reading ${length} bytes at ${offset}: ${cause}`, {
      cause,
    });
  }
  if (bytes.length === length) return bytes;
  throw new StoreError(`${store.name}: expected ${length} bytes at ${offset}, got ${bytes.length}`);
}

/** @throws {StoreError} when the store fails */
export async function writeStored(
  store: ByteStore,
  offset: number,
  bytes: Uint8Array,
): Promise<void> {
  try {
    await store.write(offset, bytes);
  } catch (cause) {
    const what = `writing ${bytes.length} bytes at ${offset}`;
    throw new StoreError(`${store.name}: ${what}: ${cause}`, { cause });
  }
}
