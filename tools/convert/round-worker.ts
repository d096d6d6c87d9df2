/**
 * A thread that rounds tensors: each message is a task, and its answer is the rounded tensor. A task that
 * fails is answered by undefined, and the thread that asked does it again, for an error has its type only there.
 * @module
 */
import { parentPort } from "node:worker_threads";
import { type RoundTask, roundTensor } from "./round-tensor.ts";

parentPort?.on("message", async (task: RoundTask) => {
  const rounded = await roundTensor(task).catch(() => undefined);
  const moved = rounded?.bytes.map(({ buffer }) => buffer) ?? [];
  parentPort?.postMessage(rounded, moved);
});
