/**
 * The worker's end of the line: takes requests, and sees to it that each gets one answer.
 *
 * Of two requests with the same name the newer one counts. Requests of different names may run in turns:
 * the work gives the event loop a turn between two steps of the model.
 *
 * Next: study.ts
 * @module
 */
import { isExplained } from "../../../engine/index.ts";
import type {
  AskName,
  Asks,
  FromWorker,
  Progress,
  Request,
  ToWorker,
  Written,
} from "../messages.ts";

/** What a request may use besides what it asks. */
export interface Call {
  /** Aborted when a newer request came, or when the page wants it to end. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  readonly onToken: (token: Written["tokens"][number]) => void;
}

/** Something that answers all requests. */
export type Answers = {
  readonly [N in AskName]: (ask: Asks[N]["ask"], call: Call) => Promise<Asks[N]["answer"]>;
};

/** Takes requests; see the top of this file. */
export class Desk {
  readonly #answers: Answers;
  readonly #say: (message: FromWorker) => void;
  /** The requests that run, by their names. */
  readonly #running = new Map<AskName, { readonly id: number; readonly abort: AbortController }>();

  constructor(answers: Answers, say: (message: FromWorker) => void) {
    this.#answers = answers;
    this.#say = say;
  }

  /** Takes a message of the page. The promise resolves when it is answered; it never rejects. */
  async hear(message: ToWorker): Promise<void> {
    if (message.name === "stop") {
      for (const { id, abort } of this.#running.values()) if (id === message.id) abort.abort();
      return;
    }
    const { id, name } = message;
    this.#running.get(name)?.abort.abort();
    const abort = new AbortController();
    const mine = { id, abort };
    this.#running.set(name, mine);
    const say = (rest: Unnumbered): void => this.#say({ id, ...rest } as FromWorker);
    try {
      const answer = await this.#answer(message, {
        signal: abort.signal,
        onProgress: (progress) => say({ kind: "progress", progress }),
        onToken: (token) => say({ kind: "token", token }),
      });
      say(abort.signal.aborted ? { kind: "stopped" } : { kind: "answer", answer });
    } catch (error) {
      say(abort.signal.aborted ? { kind: "stopped" } : failure(error));
    } finally {
      if (this.#running.get(name) === mine) this.#running.delete(name);
    }
  }

  async #answer({ name, ask }: Request, call: Call): Promise<Asks[AskName]["answer"]> {
    // A turn of the event loop lets the newest of many quick requests win before the work begins.
    await new Promise((resolve) => setTimeout(resolve, 0));
    call.signal.throwIfAborted();
    const answer = this.#answers[name] as (ask: unknown, call: Call) => Promise<never>;
    return answer(ask, call);
  }
}

type Unnumbered = FromWorker extends infer M ? (M extends unknown ? Omit<M, "id"> : never) : never;

/** What went wrong, in a sentence. */
function failure(error: unknown): Unnumbered {
  const sentence = error instanceof Error ? error.message : String(error);
  return { kind: "failed", sentence, isBug: !isExplained(error) };
}
