/**
 * The wasm backend for measurements.
 * @module
 */
import { readFileSync } from "node:fs";
import type { Ops } from "../engine/index.ts";
import { wasmOps } from "../engine/ops/wasm/index.ts";
import { nodeThreads } from "../tools/threads.ts";

const FILE = new URL("../kernels-as/build/kernels.wasm", import.meta.url);

/** Wasm ops with room for a few matrices, or for as much as is asked. */
export function fastOps(threads = 1, memoryBytes = 2 ** 28): Promise<Ops> {
  return wasmOps(readFileSync(FILE), { memoryBytes, threads: nodeThreads(threads) });
}
