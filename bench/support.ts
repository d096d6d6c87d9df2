/**
 * Starts the wasm backend for measurements, and prints tables.
 * @module
 */
import { stdout } from "node:process";
import type { Ops } from "../engine/index.ts";
import { wasmOps } from "../engine/ops/wasm/index.ts";
import { kernels } from "../tools/node/node-host.ts";
import { nodeThreads } from "../tools/node/threads.ts";

/** Starts wasm ops. By default, their memory has room for a few matrices. */
export async function fastOps(threads = 1, memoryBytes = 2 ** 28): Promise<Ops> {
  return wasmOps(await kernels(), { memoryBytes, threads: nodeThreads(threads) });
}

/** Prints a row of a table. */
export function printRow(cells: readonly string[]): void {
  const padded = cells.map((cell) => cell.padEnd(13));
  stdout.write(`${padded.join("").trimEnd()}\n`);
}
