/**
 * A thread that makes pieces of a synthetic checkpoint until none is left.
 * @module
 */
import { workerData } from "node:worker_threads";
import { type WriteTask, writeMine } from "./write-pieces.ts";

writeMine(workerData as WriteTask);
