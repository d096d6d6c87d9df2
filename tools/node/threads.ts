/**
 * Threads for the wasm backend, from node:worker_threads (which Deno has too).
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Thread, ThreadData, Threads } from "../../engine/ops/wasm/index.ts";

/**
 * As many threads as there are cores that this process may use. Two threads of one core share its arithmetic,
 * so they count once where the system says which they are (Linux).
 */
export function allCores(): number {
  return Math.min(availableParallelism(), physicalCores() ?? Number.POSITIVE_INFINITY);
}

/** The cores of the machine; undefined where that cannot be read. */
function physicalCores(): number | undefined {
  try {
    const cpus = readdirSync(CPUS).filter((name) => /^cpu\d+$/.test(name));
    const siblings = cpus.map((cpu) =>
      readFileSync(join(CPUS, cpu, "topology/thread_siblings_list"), "utf8"),
    );
    return siblings.length === 0 ? undefined : new Set(siblings).size;
  } catch {
    return undefined;
  }
}

const CPUS = "/sys/devices/system/cpu";

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
