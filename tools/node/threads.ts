/**
 * Threads for the wasm backend, from node:worker_threads (which Deno has too).
 * @module
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Thread, ThreadData, Threads } from "../../engine/ops/wasm/index.ts";

/** As many threads as there are cores. */
export function allCores(): number {
  return availableParallelism();
}

/** `count` threads, the first of which is the caller. They do not keep the process alive. */
export function nodeThreads(count: number): Threads {
  return { count, start: startThread };
}

/** Starts a thread that evaluates `source` with the global `threadData`. */
export function startThread(source: string, threadData: ThreadData): Promise<Thread> {
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    parentPort.postMessage("here");
    globalThis.threadData = workerData;
    ${source}`;
  const worker = new Worker(program, { eval: true, workerData: threadData });
  const exit = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const thread = {
    ended: () => {
      worker.ref();
      return exit;
    },
    terminate: () => void worker.terminate(),
  };
  return new Promise((resolve, reject) => {
    worker.once("message", () => {
      worker.unref();
      resolve(thread);
    });
    worker.once("error", reject);
  });
}
