/**
 * The wasm backend for measurements.
 * @module
 */
import type { Ops } from "../engine/index.ts";
import { wasmOps } from "../engine/ops/wasm/index.ts";
import { kernels } from "../tools/node/node-host.ts";
import { nodeThreads } from "../tools/node/threads.ts";

/** Wasm ops with room for a few matrices, or for as much as is asked. */
export async function fastOps(threads = 1, memoryBytes = 2 ** 28): Promise<Ops> {
  return wasmOps(await kernels(), { memoryBytes, threads: nodeThreads(threads) });
}
