/**
 * The program of a thread of the kernels. It is a file of its own, because the policy of the page lets no
 * program be made of a text.
 * @module
 */
import { serve, type ThreadData } from "../../../engine/ops/wasm/worker.ts";

/** The part of a worker's global scope that is needed here. */
interface ThreadScope {
  postMessage(message: "here" | "ended"): void;
  onmessage: ((event: { readonly data: ThreadData }) => void) | null;
  close(): void;
}

const scope = globalThis as unknown as ThreadScope;
scope.onmessage = ({ data }) => {
  scope.postMessage("here");
  serve(data);
  scope.postMessage("ended");
  scope.close();
};
