/**
 * Asks an endpoint: one request after the other, each paid before it is sent, and sent once more when
 * the connection or the server fails. An answer is never asked for again because of what it says.
 *
 * Next: gate.ts
 * @module
 */
import { fieldsOf } from "../golden/witness/answer.ts";
import {
  complaint,
  type Exchanged,
  exchange,
  jsonHeaders,
  jsonOf,
  type Send,
} from "../golden/witness/exchange.ts";
import { ServerError } from "../golden/witness/server-error.ts";
import type { Budget } from "./budget.ts";
import { EndpointError } from "./endpoint-error.ts";
import type { Exchange, Recorder, Recording } from "./traffic.ts";

/** One question. */
export interface Ask {
  /** The path below `/v1`, or from the root on where it begins with `/`. */
  readonly path: string;
  readonly body: object;
  /** Groups of fields that some servers refuse, the commonest first. Those that are refused are left out. */
  readonly extras?: readonly object[] | undefined;
  /** Tokens of the prompt, as far as they are known before. */
  readonly tokensIn: number;
  /** The most tokens of the reply. */
  readonly tokensOut: number;
  /** Whether the request is wrong on purpose: an error of the server is then an answer, too. */
  readonly isWrong?: boolean;
}

/** An answer. */
export interface Answer {
  readonly status: number;
  /** The body, where it is JSON; of a stream undefined. */
  readonly json: unknown;
  readonly text: string;
}

/** Whom to ask, and how. */
export interface ClientOptions {
  /** Up to and with `/v1`. */
  readonly url: string;
  /** The name of the model there; the first that the server lists by default. */
  readonly model?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Seconds for one request. */
  readonly timeout: number;
  /** Milliseconds before a request is sent again, unless the server says how long. */
  readonly pause?: number | undefined;
  readonly budget: Budget;
  /** Sends requests; `fetch` by default. */
  readonly send?: Send | undefined;
  /** Writes all that is asked and answered. */
  readonly recorder?: Recorder | undefined;
  /** Answers instead of the endpoint. */
  readonly recording?: Recording | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Statuses after which a request is sent once more. */
export const PASSING = [408, 409, 425, 429, 500, 502, 503, 504];

/** Statuses that say that no request will be answered. */
const CLOSED = [401, 402, 403];

/** Longest time in milliseconds that a server may ask to wait. */
const LONGEST_PAUSE = 60_000;

/** The client; see the top of this file. */
export class Client {
  readonly #options: ClientOptions;
  readonly #base: string;
  #model: string | undefined;
  /** What the server has made of each group of extra fields. */
  readonly #extras = new Map<string, "taken" | "refused">();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#base = options.url.replace(/\/+$/, "");
    this.#model = options.model;
  }

  /** What was spent so far. */
  get spent() {
    return this.#options.budget.spent;
  }

  /** The name of the model. @throws {EndpointError} when the server lists none */
  async model(): Promise<string> {
    if (this.#model !== undefined) return this.#model;
    this.#options.budget.pay({ requests: 1, tokensIn: 0, tokensOut: 0 });
    const { json, status, text } = await this.#exchange("GET", "models", undefined, false);
    const { data } = fieldsOf(json);
    const id = fieldsOf(Array.isArray(data) ? data[0] : undefined).id;
    if (typeof id === "string") {
      this.#model = id;
      return id;
    }
    const got = status === 200 ? "a list without one" : `status ${status}: ${complaint(text)}`;
    const what = `expected the name of a model, got ${got}; name one with --model`;
    throw new EndpointError("no-answer", this.#urlOf("models"), what);
  }

  /**
   * Asks. Statuses that say that the request is not understood are answers.
   *
   * @throws {EndpointError} when the endpoint does not answer, or the budget is used up
   */
  async ask(ask: Ask): Promise<Answer> {
    const model = await this.model();
    const { budget } = this.#options;
    const cost = { requests: 1, tokensIn: ask.tokensIn, tokensOut: ask.tokensOut };
    budget.pay(cost);
    const bare = { model, ...ask.body };
    const isWrong = ask.isWrong ?? false;
    const extras = (ask.extras ?? []).filter((one) => this.#extras.get(keysOf(one)) !== "refused");
    const isTrial = extras.some((one) => !this.#extras.has(keysOf(one)));
    for (let n = extras.length; ; n--) {
      const body = Object.assign({}, bare, ...extras.slice(0, n));
      const answer = await this.#exchange("POST", ask.path, body, isWrong, cost);
      if (answer.status === 200) {
        for (const [i, one] of extras.entries()) {
          this.#extras.set(keysOf(one), i < n ? "taken" : "refused");
        }
      }
      const mayTry = isTrial && n > 0 && (answer.status === 400 || answer.status === 422);
      if (!mayTry) return answer;
      budget.pay(cost);
    }
  }

  /** Sends a request, a second time if the first fails. */
  async #exchange(
    method: "GET" | "POST",
    path: string,
    body: object | undefined,
    isWrong: boolean,
    cost = { requests: 1, tokensIn: 0, tokensOut: 0 },
  ): Promise<Answer> {
    const { recorder, budget, recording, pause = 1000, signal } = this.#options;
    for (let isFirst = true; ; isFirst = false) {
      const got = await this.#once(method, path, body).catch((error) => {
        if (error instanceof ServerError && isFirst && error.fault === "unreachable") return error;
        if (error instanceof ServerError) {
          throw new EndpointError("no-answer", error.where, error.what);
        }
        throw error;
      });
      if (!(got instanceof Error)) {
        recorder?.add({ method, path, body, status: got.status, text: got.text });
        const mayRepeat = isFirst && PASSING.includes(got.status);
        if (!mayRepeat || (isWrong && got.status >= 500)) return this.#checked(path, got, isWrong);
      }
      if (recording) continue; // what was recorded does not need time to recover
      const asked = got instanceof Error ? 0 : 1000 * Number(got.headers.get("retry-after"));
      await waitFor(asked > 0 ? Math.min(asked, LONGEST_PAUSE) : pause, signal);
      budget.pay(cost);
    }
  }

  async #once(method: "GET" | "POST", path: string, body: object | undefined): Promise<Exchanged> {
    const { apiKey, timeout, send, recording, signal } = this.#options;
    if (recording) {
      const { status, text }: Exchange = recording.take({ method, path, body });
      return { status, text, headers: new Headers() };
    }
    const init: RequestInit = {
      method,
      headers: jsonHeaders(apiKey),
      redirect: "manual",
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    };
    const got = await exchange(this.#urlOf(path), init, timeout, send);
    // Some servers repeat the key in an error.
    return apiKey === undefined ? got : { ...got, text: got.text.replaceAll(apiKey, "[key]") };
  }

  #urlOf(path: string): string {
    return path.startsWith("/") ? this.#base.replace(/\/v1$/, "") + path : `${this.#base}/${path}`;
  }

  #checked(path: string, { status, text, headers }: Exchanged, isWrong: boolean): Answer {
    const url = this.#urlOf(path);
    const told = () => `status ${status}: ${complaint(text)}`;
    if (status >= 300 && status < 400) {
      const to = headers.get("location") ?? "nowhere";
      const what = `it leads to ${to}; a key must not follow: give that URL if you trust it`;
      throw new EndpointError("redirect", url, what);
    }
    if (CLOSED.includes(status)) throw new EndpointError("refused", url, told());
    if (PASSING.includes(status) && !isWrong) throw new EndpointError("failed", url, told());
    if (status !== 200) return { status, text, json: undefined };
    if (/^\s*(data|event|:)/.test(text)) return { status, text, json: undefined };
    try {
      return { status, text, json: jsonOf(text, url) };
    } catch (error) {
      throw new EndpointError("no-answer", url, (error as ServerError).what);
    }
  }
}

/** What tells groups of extra fields apart. */
function keysOf(extra: object): string {
  return Object.keys(extra).join(" ");
}

/** Waits. @throws the signal's reason when it aborts */
async function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal?.addEventListener("abort", over);
  });
  signal?.throwIfAborted();
}
