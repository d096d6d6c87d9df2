/**
 * A store in memory that fails when it is told to.
 * @module
 */
import type { RowStore } from "../../engine/kv/row-store.ts";

/** Fails in turn as disks do: no space, no luck, too few bytes. */
export class FaultyStore implements RowStore {
  readonly name: string = "store";
  /** Calls that go well before one fails. */
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
