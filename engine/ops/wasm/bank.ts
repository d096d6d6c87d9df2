/**
 * A bank: one memory and the kernels that work in it. A WebAssembly memory holds 4 GiB at most, so a
 * large model needs several banks.
 *
 * Next: machine.ts
 * @module
 */
import { Arena, type WasmMemory } from "./arena.ts";
import type { Kernels } from "./kernels.ts";

/** One memory, and the kernels that work in it. */
export interface Bank {
  readonly arena: Arena;
  readonly kernels: Kernels;
}

/** What a thread needs to make kernels over the same memories. */
export interface SharedModule {
  /** The compiled kernels: a WebAssembly.Module. */
  readonly module: object;
  /** The memories that the kernels work in, all of them shared. */
  readonly memories: readonly WasmMemory[];
  /** See WasmOptions in machine.ts. */
  readonly isWide: boolean;
}

/** The kernels over each of the memories. */
export function startBanks({ module, memories, isWide }: SharedModule): Bank[] {
  const tiles = { WIDE: Number(isWide) };
  return memories.map((memory) => {
    const env = { memory: memory as WebAssembly.Memory };
    const instance = new WebAssembly.Instance(module, { env, tiles });
    const kernels = instance.exports as unknown as Kernels;
    return { kernels, arena: new Arena(memory, kernels.heapBase()) };
  });
}
