/**
 * A worker of a browser as a thread of the kernels.
 *
 * The worker says `here` when its program has begun, and `ended` when it is over.
 * @module
 */
import type { Thread, ThreadData } from "../../engine/ops/wasm/index.ts";

/** The part of a worker that is needed here. */
export interface WebWorker {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  postMessage(data: unknown): void;
  terminate(): void;
}

/** Gives a worker what it computes with, and waits until it has begun. */
export function threadOf(worker: WebWorker, threadData: ThreadData): Promise<Thread> {
  const { promise, resolve: end } = newPromise();
  const ended = () => promise;
  const terminate = (): void => {
    worker.terminate();
    end();
  };
  return new Promise<Thread>((resolve, reject) => {
    worker.onmessage = ({ data }) => (data === "here" ? resolve({ ended, terminate }) : end());
    worker.onerror = reject;
    worker.postMessage(threadData);
  });
}

function newPromise(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
