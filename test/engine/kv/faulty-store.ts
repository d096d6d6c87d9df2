/**
 * A store in memory that fails when it is told to.
 * @module
 */
import { seededRandom } from "../../../engine/generate/random.ts";
import type { PendingReads, RowStore, StoreRead } from "../../../engine/kv/row-store.ts";

/** Fails as disks do, in turn: without space, with an error, or with too few bytes. */
export class FaultyStore implements RowStore {
  readonly name: string = "store";
  /** Number of calls that succeed before one fails. */
  failsAfter = Number.POSITIVE_INFINITY;
  #bytes = new Uint8Array(0);

  read(offset: number, target: Uint8Array): number {
    if (this.#fails()) {
      target.fill(1, 0, target.length >> 1);
      if (target.length % 2 === 0) throw new Error("EIO: i/o error");
      return target.length >> 1;
    }
    const found = this.#bytes.subarray(offset, offset + target.length);
    target.set(found);
    return found.length;
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#bytes.length) {
      const longer = new Uint8Array(2 * end);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    if (this.#fails()) {
      this.#bytes.fill(2, offset, end - (bytes.length >> 1));
      throw new Error("ENOSPC: no space left on device");
    }
    this.#bytes.set(bytes, offset);
  }

  #fails(): boolean {
    return this.failsAfter-- <= 0;
  }
}

/**
 * A store that also reads ahead, in any order: a few reads whenever it is called, and the rest when
 * someone waits for them.
 */
export class ShufflingStore extends FaultyStore {
  readonly #random = seededRandom(7);
  readonly #begun: (() => void)[] = [];

  begin(reads: readonly StoreRead[]): PendingReads {
    let left = reads.length;
    let failed = false;
    for (const { offset, target } of reads) {
      const finish = (): void => {
        left--;
        try {
          if (super.read(offset, target) !== target.length) failed = true;
        } catch {
          failed = true;
        }
      };
      this.#begun.splice(Math.floor(this.#random() * (this.#begun.length + 1)), 0, finish);
    }
    const some = (): void => this.#some();
    return {
      get isDone() {
        return left === 0;
      },
      wait: () => {
        while (left > 0) some();
        if (failed) throw new Error("EIO: i/o error");
      },
    };
  }

  override read(offset: number, target: Uint8Array): number {
    this.#some();
    return super.read(offset, target);
  }

  #some(): void {
    for (let n = Math.floor(this.#random() * 4); n >= 0; n--) this.#begun.pop()?.();
  }
}
