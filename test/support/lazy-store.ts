/**
 * A read store over bytes in memory whose reads arrive at seeded moments: at once, when somebody looks, or
 * only when somebody waits. What the reads may overwrite is overwritten.
 * @module
 */
import { seededRandom } from "../../engine/generate/random.ts";
import { READ_BLOCK, type ReadStore, type StoredRead } from "../../engine/stream/read-store.ts";

/** The store, and what was read from it. */
export interface LazyStore extends ReadStore {
  /** Bytes read so far. */
  readonly bytes: number;
}

/** @param seed decides when reads arrive */
export function lazyStore(files: Readonly<Record<string, Uint8Array>>, seed: number): LazyStore {
  const random = seededRandom(seed);
  let bytes = 0;
  const fill = ({ file, offset, target }: StoredRead): void => {
    bytes += target.length;
    const { buffer, byteOffset, length } = target;
    if (buffer instanceof SharedArrayBuffer) {
      const from = READ_BLOCK * Math.floor(byteOffset / READ_BLOCK);
      const to = READ_BLOCK * Math.ceil((byteOffset + length) / READ_BLOCK);
      new Uint8Array(buffer, from, to - from).fill(0xee);
    }
    target.set(files[file].subarray(offset, offset + length));
  };
  return {
    get bytes() {
      return bytes;
    },
    begin(reads) {
      for (const { target } of reads) target.fill(0xdd);
      let left: readonly StoredRead[] = reads;
      let isWaitedFor = false;
      const finish = (): void => {
        left.forEach(fill);
        left = [];
      };
      if (random() < 0.3) finish();
      return {
        get isDone() {
          if (random() < 0.5) finish();
          return left.length === 0;
        },
        wait: () => {
          isWaitedFor = true;
          finish();
        },
        cancel: () => {
          const isThere = !isWaitedFor && left.length === 0;
          left = [];
          return isThere ? reads.reduce((sum, { target }) => sum + target.length, 0) : 0;
        },
      };
    },
  };
}
