/**
 * Hands out the bytes of one WebAssembly memory, from both ends. Where 4 GiB are too few there are
 * several memories; the further ones hold weights, and scratch for the products with them.
 *
 *     | constants | weights, caches →            free            ← scratch | guard |
 *     0           heapBase          #low                    #top            end
 *
 * What stays grows upwards and is never freed; blocks of caches are used again (row-blocks.ts). Scratch
 * grows downwards and is freed back to a mark.
 *
 * The memory has its full size from the beginning and never grows, so no view is ever detached. The
 * size costs address space only: the system gives a page when it is first written.
 * @module
 */
import { GlmError } from "../../base/errors.ts";
import type { Floats } from "../../base/tensor.ts";
import type { Mark } from "../ops.ts";
import { canShareMemory } from "./unshared.ts";

const PAGE = 65536;

/** Every block begins and ends at a cache line. Kernels may write behind a block, up to the end of its line. */
const LINE = 64;

/** Bytes at the end that are never handed out, so that no address behind a block wraps around to 0. */
const GUARD = PAGE;

/** Bytes of the largest memory there is. */
export const LARGEST_MEMORY: number = 2 ** 32;

/** Bytes that weights leave free in a further memory. */
export const SPARE: number = 2 ** 28;

/** The memory is too small for what is wanted. The message says how many bytes, and what to do. */
export class WasmMemoryError extends GlmError {
  override readonly name = "WasmMemoryError";
  readonly code = "memory";
}

/**
 * A WebAssembly memory. Programs that use this package may be compiled without the types of a page,
 * which alone have a name for it.
 */
export interface WasmMemory {
  /** All of its bytes. */
  readonly buffer: ArrayBufferLike;
}

/** A memory of a fixed size, rounded up to whole pages, which threads may share where they can. */
export function reserveMemory(bytes: number): WasmMemory {
  const pages = Math.ceil(bytes / PAGE);
  if (!(pages > 0)) throw new WasmMemoryError("memoryBytes", `expected 1 or more, got ${bytes}`);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: canShareMemory() });
  } catch (cause) {
    const text =
      `the system does not give ${pages * PAGE} bytes of address space; a limit on it ` +
      "(ulimit -v) must leave some 16 GB, or the reference backend must do";
    throw new WasmMemoryError("memoryBytes", text, { cause });
  }
}

/** Hands out addresses; see the top of this file. */
export class Arena {
  readonly #buffer: ArrayBufferLike;
  #low: number;
  #top: number;

  /** @param heapBase first address that no constant of the kernels stands at */
  constructor(memory: WasmMemory, heapBase: number) {
    this.#buffer = memory.buffer;
    this.#low = heapBase;
    this.#top = this.#buffer.byteLength - GUARD;
  }

  /** Address of `bytes` bytes that stay. They are zero. */
  stay(bytes: number): number {
    const address = roundUp(this.#low);
    const end = address + roundUp(bytes);
    this.#check(bytes, end <= this.#top);
    this.#low = end;
    return address;
  }

  /** Bytes between what stays and scratch. */
  get bytesLeft(): number {
    return this.#top - this.#low;
  }

  /** Whether `bytes` bytes can stay, with {@link SPARE} left over. */
  hasRoom(bytes: number): boolean {
    return this.#low + bytes + SPARE <= this.#top;
  }

  /** Address of `bytes` bytes of scratch. They hold anything. */
  scratch(bytes: number): number {
    const address = this.#top - roundUp(bytes);
    this.#check(bytes, address >= this.#low);
    this.#top = address;
    return address;
  }

  /** `n` floats of scratch. They hold anything. */
  newFloats(n: number): Float32Array {
    return this.floats(this.scratch(4 * n), n);
  }

  /** `n` integers of scratch. They hold anything. */
  newInts(n: number): Int32Array {
    return this.ints(this.scratch(4 * n), n);
  }

  /** `n` addresses of scratch. They hold anything. */
  newAddresses(n: number): Uint32Array {
    return new Uint32Array(this.#buffer, this.scratch(4 * n), n);
  }

  /** The `n` floats at `address`. */
  floats(address: number, n: number): Float32Array {
    return new Float32Array(this.#buffer, address, n);
  }

  /** The `n` integers at `address`. */
  ints(address: number, n: number): Int32Array {
    return new Int32Array(this.#buffer, address, n);
  }

  /** The `n` half words at `address`. */
  halfs(address: number, n: number): Uint16Array {
    return new Uint16Array(this.#buffer, address, n);
  }

  /** The `n` doubles at `address`. */
  doubles(address: number, n: number): Float64Array {
    return new Float64Array(this.#buffer, address, n);
  }

  /** The `n` bytes at `address`. */
  bytes(address: number, n: number): Uint8Array {
    return new Uint8Array(this.#buffer, address, n);
  }

  /** All of the memory, in which an address is a place. */
  all(): { readonly view: DataView; readonly bytes: Uint8Array } {
    return { view: new DataView(this.#buffer), bytes: new Uint8Array(this.#buffer) };
  }

  /** Whether this is a view of this memory. */
  holds(view: ArrayBufferView): boolean {
    return view.buffer === this.#buffer;
  }

  /** Where scratch stands now. */
  mark(): Mark {
    return this.#top;
  }

  /** Frees the scratch made since `mark`. */
  release(mark: Mark): void {
    this.#top = mark;
  }

  /** Whether these numbers are scratch made since `mark`. */
  isSince(mark: Mark, data: Floats | Int32Array): boolean {
    return this.holds(data) && data.byteOffset >= this.#top && data.byteOffset < mark;
  }

  /** Where these numbers stand; those from outside are copied to scratch. */
  addressOf(data: Floats | Int32Array): number {
    if (this.holds(data)) return data.byteOffset;
    const isIndex = data instanceof Int32Array;
    const inside = isIndex ? this.newInts(data.length) : this.newFloats(data.length);
    inside.set(data);
    return inside.byteOffset;
  }

  #check(bytes: number, fits: boolean): void {
    if (fits) return;
    const size = this.#buffer.byteLength;
    throw new WasmMemoryError(
      "wasm memory",
      `${bytes} bytes wanted, ${this.bytesLeft} of ${size} left; ask for more with memoryBytes`,
    );
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / LINE) * LINE;
}
