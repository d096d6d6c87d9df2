/**
 * The program of the worker: everything that computes runs here, so that the page never waits.
 *
 * Next: desk.ts
 * @module
 */
import type { FromWorker, ToWorker } from "../messages.ts";
import { Desk } from "./desk.ts";
import { Study } from "./study.ts";
import { openFromWeb } from "./web-model.ts";

/** The part of a worker's global scope that is needed here. */
interface WorkerScope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
const desk = new Desk(new Study(openFromWeb).answers, (message) => scope.postMessage(message));
scope.onmessage = ({ data }) => void desk.hear(data);
