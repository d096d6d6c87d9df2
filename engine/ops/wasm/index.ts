import type { Activations, Ops } from "../ops.ts";
import { indexScores, latentAttention, topK } from "./attention.ts";
import { add, embed, layerNorm, rmsNorm, ropeInterleaved, route, siluMul } from "./elementwise.ts";
import { experts } from "./experts.ts";
import { startMachine, type Threads } from "./kernels.ts";
import { linear, perHead } from "./matrix.ts";
import { wasmMemory } from "./memory.ts";
import { wasmWiring } from "./wiring.ts";

export { WasmMemoryError } from "./arena.ts";
export { wasmBounds } from "./bounds.ts";
export type { Threads } from "./kernels.ts";
export { type StartThread, WasmThreadError } from "./team.ts";
export type { ThreadData } from "./worker.ts";

/** How the wasm backend is set up. */
export interface WasmOptions {
  /**
   * Bytes for weights, caches and activations together, 1 GiB by default. They are reserved as
   * address space at once and taken from the system only as they are written. A memory has 4 GiB at
   * most; beyond, there are several, and only weights can be in the further ones.
   */
  readonly memoryBytes?: number;
  /** See {@link Activations}; `f32` by default. */
  readonly activations?: Activations;
  /** Without it, one thread. The count never changes a result. */
  readonly threads?: Threads;
  /**
   * Whether this runtime makes 256-bit instructions of pairs of 128-bit ones (tools/node/turbo.ts), false by
   * default. Decides which loops are run, and changes no bit.
   */
  readonly isWide?: boolean;
}

/** Ops that may have threads of their own. */
export interface WasmOps extends Ops {
  /** Ends the threads. The ops cannot be used after. */
  close(): void;
}

const DEFAULT_MEMORY_BYTES = 2 ** 30;

/**
 * Ops on WebAssembly SIMD, in f32. Same bits in every runtime, for every chunk size and number of threads.
 *
 * @param bytes `kernels-as/build/kernels.wasm`; where it is read from is the caller's business
 * @throws {WasmMemoryError} here if the memory cannot be had, later if it is full
 */
export async function wasmOps(bytes: BufferSource, options: WasmOptions = {}): Promise<WasmOps> {
  const machine = await startMachine(
    bytes,
    options.memoryBytes ?? DEFAULT_MEMORY_BYTES,
    options.threads,
    options.activations,
    options.isWide,
  );
  return {
    close: () => machine.team.close(),
    backend: "wasm",
    precision: "f32",
    activations: machine.activations,
    ...wasmMemory(machine),
    embed: embed(machine),
    linear: linear(machine),
    perHead: perHead(machine),
    rmsNorm: rmsNorm(machine),
    layerNorm: layerNorm(machine),
    ropeInterleaved: ropeInterleaved(machine),
    indexScores: indexScores(machine),
    topK: topK(machine),
    latentAttention: latentAttention(machine),
    route: route(machine),
    experts: experts(machine),
    siluMul: siluMul(machine),
    add: add(machine),
    ...wasmWiring(machine),
  };
}
