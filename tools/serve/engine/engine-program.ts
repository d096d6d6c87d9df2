/**
 * The program of the worker that the engine runs on.
 *
 * Next: start-engine.ts
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { type EngineOptions, openEngine } from "./open-engine.ts";
import type { FromEngine, ToEngine } from "./protocol.ts";
import { plainError } from "./runner.ts";

/** What a worker is started with. */
export interface EngineData {
  readonly folder: string;
  readonly options: EngineOptions;
}

async function main(): Promise<void> {
  const port = parentPort;
  if (!port) throw new Error("this program runs on a worker");
  const post = (message: FromEngine): void => port.postMessage(message);
  const { folder, options } = workerData as EngineData;
  try {
    const { runner, about } = await openEngine(folder, options, post);
    port.on("message", (message: ToEngine) => runner.receive(message));
    post({ type: "ready", about });
  } catch (error) {
    post({ type: "refused", error: plainError(error) });
    port.close();
  }
}

await main();
