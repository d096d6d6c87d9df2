/**
 * The SIMD kernels as a backend.
 * @module glm52.ts/engine/ops/wasm
 */
import type { Ops } from "../ops.ts";
import { indexScores, latentAttention, topK } from "./attention.ts";
import { add, embed, layerNorm, rmsNorm, ropeInterleaved, route, siluMul } from "./elementwise.ts";
import { experts } from "./experts.ts";
import { startMachine, type WasmOptions } from "./machine.ts";
import { linear, perHead } from "./matrix.ts";
import { wasmMemory } from "./memory.ts";
import { wasmWiring } from "./wiring.ts";

export { LARGEST_MEMORY, type WasmMemory, WasmMemoryError } from "./arena.ts";
export { wasmBounds } from "./bounds.ts";
export type { WasmOptions } from "./machine.ts";
export { type StartThread, type Thread, type Threads, WasmThreadError } from "./team.ts";
export type { ThreadData } from "./worker.ts";

/** Ops that may have threads of their own. */
export interface WasmOps extends Ops {
  /** Ends the threads and waits until they are gone. The ops cannot be used after. */
  close(): Promise<void>;
}

/**
 * Ops on WebAssembly SIMD, in f32. They give the same bits in every runtime, for every chunk size and
 * number of threads. Where memory cannot be shared there is one thread.
 *
 * @param bytes `kernels-as/build/kernels.wasm`; where it is read from is the caller's business
 * @throws {WasmMemoryError} here if the memory cannot be had, later if it is full
 */
export async function wasmOps(
  bytes: Uint8Array<ArrayBuffer> | ArrayBuffer,
  options: WasmOptions = {},
): Promise<WasmOps> {
  const machine = await startMachine(bytes, options);
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
