import type { Ops } from "../ops.ts";
import { indexScores, latentAttention, topK } from "./attention.ts";
import { add, embed, layerNorm, rmsNorm, ropeInterleaved, route, siluMul } from "./elementwise.ts";
import { startMachine } from "./kernels.ts";
import { experts, linear, perHead } from "./matrix.ts";
import { wasmMemory } from "./memory.ts";
import { wasmWiring } from "./wiring.ts";

export { WasmMemoryError } from "./arena.ts";
export { wasmBounds } from "./bounds.ts";

/** How the wasm backend is set up. */
export interface WasmOptions {
  /**
   * Bytes for weights, caches and activations together, 1 GiB by default, 4 GiB at most. They are
   * reserved as address space at once and taken from the system only as they are written.
   */
  readonly memoryBytes?: number;
}

const DEFAULT_MEMORY_BYTES = 2 ** 30;

/**
 * Ops on WebAssembly SIMD, in f32. Same bits in every runtime, for every chunk size.
 *
 * @param bytes `kernels-as/build/kernels.wasm`; where it is read from is the caller's business
 * @throws {WasmMemoryError} here if the memory cannot be had, later if it is full
 */
export async function wasmOps(bytes: BufferSource, options: WasmOptions = {}): Promise<Ops> {
  const machine = await startMachine(bytes, options.memoryBytes ?? DEFAULT_MEMORY_BYTES);
  return {
    backend: "wasm",
    precision: "f32",
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
