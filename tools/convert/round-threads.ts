/**
 * Rounds tensors on several threads. Tensors do not depend on each other, so the bits are those of one
 * thread.
 *
 * Next: quantize-folder.ts
 * @module
 */
import { existsSync } from "node:fs";
import { versions } from "node:process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type Rounded, type RoundTask, roundTensor } from "./round-tensor.ts";

/** What rounds tensors. */
export interface Rounding {
  /** How many tensors are rounded at once. */
  readonly lanes: number;
  /** Rounds a tensor, as soon as a lane is free. */
  round(task: RoundTask): Promise<Rounded>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** The program of a thread lies beside this module, compiled where this one is. */
const WORKER = new URL(
  import.meta.url.endsWith(".ts") ? "./round-worker.ts" : "./round-worker.js",
  import.meta.url,
);

/** Whether a thread can be started: a bundle lacks the file, and Node does not read the sources. */
function isStartable(): boolean {
  const { deno } = versions;
  const isReadable = deno !== undefined || WORKER.pathname.endsWith(".js");
  return isReadable && existsSync(fileURLToPath(WORKER));
}

/** Starts `count` threads; for 1, and where none can be started, this thread does the work. */
export function startRounding(count: number): Rounding {
  if (count === 1 || !isStartable()) return { lanes: 1, round: roundTensor, close: async () => {} };
  const workers = Array.from({ length: count }, () => new Worker(WORKER));
  const idle = [...workers];
  const waiting: ((worker: Worker) => void)[] = [];
  const free = (worker: Worker): void => {
    const next = waiting.shift();
    if (next) next(worker);
    else idle.push(worker);
  };
  const round = async (task: RoundTask): Promise<Rounded> => {
    const worker = idle.pop() ?? (await new Promise<Worker>((resolve) => waiting.push(resolve)));
    const rounded = await answer(worker, task).finally(() => free(worker));
    return rounded ?? roundTensor(task);
  };
  return {
    lanes: count,
    round,
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/** The answer of a thread to a task; undefined when the task failed there. */
function answer(worker: Worker, task: RoundTask): Promise<Rounded | undefined> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      worker.off("message", onMessage).off("error", onError);
    };
    const onMessage = (rounded: Rounded | undefined): void => {
      end();
      resolve(rounded);
    };
    const onError = (error: Error): void => {
      end();
      reject(error);
    };
    worker.on("message", onMessage).on("error", onError);
    worker.postMessage(task);
  });
}
