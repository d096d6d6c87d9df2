/**
 * A browser as the host of a model: kernels by URL, threads where memory can be shared with them.
 *
 * A page may share memory with its workers only when it is isolated from other origins, which its
 * server says with two headers (`Cross-Origin-Opener-Policy: same-origin` and
 * `Cross-Origin-Embedder-Policy: require-corp`). Without them there is one thread, with the same bits.
 *
 * Next: web-files.ts
 * @module
 */
import type { Thread, ThreadData } from "../../engine/ops/wasm/index.ts";
import type { Host } from "./arithmetic.ts";
import { fetchBytes } from "./web-files.ts";
import { threadOf, type WebWorker } from "./web-thread.ts";

/** Where the kernels lie beside this module, in the sources as in the package. */
const KERNELS = new URL("../../kernels-as/build/kernels.wasm", import.meta.url);

/**
 * The browser that runs this.
 *
 * @param kernels where kernels.wasm is, or its bytes; found by itself when not given
 */
export function webHost(kernels: URL | string | Uint8Array = KERNELS): Host {
  const { crossOriginIsolated, Worker, navigator } = globalThis as Partial<WebGlobals>;
  const isShared = crossOriginIsolated === true && Worker !== undefined;
  return {
    cores: navigator?.hardwareConcurrency ?? 1,
    kernels: async () =>
      kernels instanceof Uint8Array ? new Uint8Array(kernels) : await fetchBytes(kernels),
    ...(isShared && { startThread: (source, data) => startWorker(Worker, source, data) }),
  };
}

/** The part of a page or worker that is needed here. */
interface WebGlobals {
  readonly crossOriginIsolated: boolean;
  readonly Worker: new (url: string) => WebWorker;
  readonly navigator: { readonly hardwareConcurrency?: number };
}

/** Starts a worker from the bare text of its program. */
function startWorker(
  Worker: WebGlobals["Worker"],
  source: string,
  threadData: ThreadData,
): Promise<Thread> {
  const program = `
    self.onmessage = ({ data }) => {
      self.postMessage("here");
      globalThis.threadData = data;
      ${source};
      self.postMessage("ended");
      self.close();
    };`;
  const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  return threadOf(new Worker(url), threadData).finally(() => URL.revokeObjectURL(url));
}
