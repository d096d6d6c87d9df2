/**
 * Blocks of memory for the pages of caches. A block that is given back waits in a list for the next
 * caller who needs one of exactly that size. Pages have only a few sizes, so this wastes nothing.
 * @module
 */
import type { RowMemory } from "./ops.ts";

/** Every byte of a free block. */
const POISON = 0xff;

/** The part of a {@link RowMemory} that a backend brings. */
export interface Ground {
  /** All of the memory. */
  readonly view: DataView;
  /** The same memory, byte by byte. */
  readonly bytes: Uint8Array;
  /** Address of new bytes, at a multiple of 64. */
  extend(bytes: number): number;
  /** Bytes that it can still be extended by, where it has an end. */
  bytesLeft?(): number;
}

/** Memory of which freed blocks are used again. */
export class RowBlocks implements RowMemory {
  readonly #ground: Ground;
  readonly #free = new Map<number, number[]>();
  #freeBytes = 0;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  get view(): DataView {
    return this.#ground.view;
  }

  get bytes(): Uint8Array {
    return this.#ground.bytes;
  }

  get bytesLeft(): number | undefined {
    const beyond = this.#ground.bytesLeft?.();
    return beyond === undefined ? undefined : this.#freeBytes + beyond;
  }

  take(bytes: number): number {
    const freed = this.#free.get(bytes)?.pop();
    if (freed === undefined) return this.#ground.extend(bytes);
    this.#freeBytes -= bytes;
    return freed;
  }

  give(address: number, bytes: number): void {
    this.#ground.bytes.fill(POISON, address, address + bytes);
    this.#freeBytes += bytes;
    const same = this.#free.get(bytes);
    if (same) same.push(address);
    else this.#free.set(bytes, [address]);
  }
}
