/**
 * Starts an engine: on a worker, so that the server answers while a step runs, or on this thread where no
 * worker can be started from this program.
 *
 * Next: serve-folder.ts
 * @module
 */
import { existsSync } from "node:fs";
import { versions } from "node:process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { UserError } from "../../node/user-error.ts";
import type { EnginePort } from "./engine-desk.ts";
import type { EngineData } from "./engine-program.ts";
import { openEngine } from "./open-engine.ts";
import type { EngineAbout, FailedOrder, FromEngine } from "./protocol.ts";

/** The program of the worker lies beside this module, compiled where this one is. */
const PROGRAM = new URL(
  import.meta.url.endsWith(".ts") ? "./engine-program.ts" : "./engine-program.js",
  import.meta.url,
);

/** An engine that is ready. */
export interface StartedEngine {
  readonly port: EnginePort;
  readonly about: EngineAbout;
}

/** What is told of an engine while it starts and when it ends. */
export interface EngineWatch {
  /** How far the loading is, in bytes. */
  readonly onLoading?: ((done: number, total: number) => void) | undefined;
  /** It has ended by itself, which it should not. */
  readonly onDeath: (why: string) => void;
}

/** Whether a worker can be started: a bundle lacks the file, and Node does not read the sources. */
function isStartable(): boolean {
  const { deno } = versions;
  const isReadable = deno !== undefined || PROGRAM.pathname.endsWith(".js");
  return isReadable && existsSync(fileURLToPath(PROGRAM));
}

/**
 * Starts an engine for the model in a folder.
 *
 * @throws {UserError} for a model that cannot be opened
 */
export function startEngine(data: EngineData, watch: EngineWatch): Promise<StartedEngine> {
  return isStartable() ? onWorker(data, watch) : onThisThread(data, watch);
}

async function onThisThread(
  { folder, options }: EngineData,
  { onLoading }: EngineWatch,
): Promise<StartedEngine> {
  let listener: (message: FromEngine) => void = (message) => {
    if (message.type === "loading") onLoading?.(message.done, message.total);
  };
  const { runner, about } = await openEngine(folder, options, (message) => listener(message));
  return {
    about,
    port: {
      post: (message) => runner.receive(structuredClone(message)),
      listen: (next) => {
        listener = (message) => next(structuredClone(message));
      },
      terminate: async () => {},
    },
  };
}

function onWorker(data: EngineData, { onLoading, onDeath }: EngineWatch): Promise<StartedEngine> {
  const worker = new Worker(PROGRAM, { workerData: data });
  let isEnding = false;
  const port: EnginePort = {
    post: (message) => {
      if (message.type === "close") isEnding = true;
      worker.postMessage(message);
    },
    listen: (listener) => void worker.on("message", listener),
    terminate: async () => {
      isEnding = true;
      await worker.terminate();
    },
  };
  return new Promise((resolve, reject) => {
    worker.on("message", (message: FromEngine) => {
      if (message.type === "loading") onLoading?.(message.done, message.total);
      if (message.type === "ready") resolve({ port, about: message.about });
      if (message.type !== "refused") return;
      isEnding = true;
      reject(refusal(message.error));
    });
    worker.on("error", (error) => {
      reject(error);
      if (!isEnding) onDeath(String(error));
      isEnding = true;
    });
    worker.on("exit", (code) => {
      reject(new Error(`the engine's worker ended with ${code}`));
      if (!isEnding) onDeath(`its worker ended with ${code}`);
    });
  });
}

/** The error of a model that cannot be opened. */
function refusal({ code, where, what, stack }: FailedOrder): Error {
  if (code !== undefined) return new UserError(where, what);
  const error = new Error(what);
  if (stack !== undefined) error.stack = stack;
  return error;
}
