/**
 * The page's end of the line to the worker.
 *
 * ```ts
 * const { ask } = newClient(worker);
 * const look = await ask("look", { t: 69 }, { signal });
 * ```
 * @module
 */
import type { AskName, Asks, FromWorker, Progress, ToWorker, Written } from "../messages.ts";

/** What may be told on the way. */
export interface AskOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** Of `write`: each token as soon as it is chosen. */
  readonly onToken?: (token: Written["tokens"][number]) => void;
  /** Ends the request: the promise is then rejected with {@link Stopped}. */
  readonly signal?: AbortSignal;
}

/** A request was stopped: by its signal, or because a newer one of its name came. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** A request failed. The message is a sentence for people; `isBug` says that it is a mistake of ours. */
export class Failed extends Error {
  override readonly name = "Failed";
  readonly isBug: boolean;

  constructor(sentence: string, isBug: boolean) {
    super(sentence);
    this.isBug = isBug;
  }
}

/** A worker, or a port to one. */
export interface Line {
  postMessage(message: ToWorker): void;
  onmessage: ((event: { readonly data: FromWorker }) => void) | null;
}

/** Asks the worker. */
export interface Client {
  ask<N extends AskName>(
    name: N,
    ask: Asks[N]["ask"],
    options?: AskOptions,
  ): Promise<Asks[N]["answer"]>;
}

/** A request that waits for its answer. */
interface Waiting {
  readonly options: AskOptions;
  readonly resolve: (answer: Asks[AskName]["answer"]) => void;
  readonly reject: (error: Error) => void;
}

/** Listens to a worker. */
export function newClient(line: Line): Client {
  const waiting = new Map<number, Waiting>();
  let last = 0;
  line.onmessage = ({ data: message }) => {
    const one = waiting.get(message.id);
    if (!one) return;
    switch (message.kind) {
      case "progress":
        one.options.onProgress?.(message.progress);
        return;
      case "token":
        one.options.onToken?.(message.token);
        return;
      case "answer":
        one.resolve(message.answer);
        break;
      case "stopped":
        one.reject(new Stopped("a newer request came, or it was stopped"));
        break;
      case "failed":
        one.reject(new Failed(message.sentence, message.isBug));
        break;
      default:
        message satisfies never;
    }
    waiting.delete(message.id);
  };
  return {
    ask: (name, ask, options = {}) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        const stop = (): void => line.postMessage({ id, name: "stop" });
        const { signal } = options;
        if (signal?.aborted) {
          reject(new Stopped("it was stopped"));
          return;
        }
        signal?.addEventListener("abort", stop, { once: true });
        waiting.set(id, { options, resolve: resolve as Waiting["resolve"], reject });
        line.postMessage({ id, name, ask } as ToWorker);
      }),
  };
}
