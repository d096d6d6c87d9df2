/**
 * Asks an endpoint: one request after the other, each paid before it is sent, and sent once more when
 * the connection or the server fails. An answer is never asked for again because of what it says, and
 * a stream that has begun is never begun anew.
 *
 * Next: ways.ts
 * @module
 */
import type { Answer, Ask, ClientOptions } from "./ask.ts";
import type { Cost } from "./budget.ts";
import { EndpointError } from "./endpoint-error.ts";
import { eventsOf } from "./events.ts";
import {
  complaint,
  type Exchanged,
  exchange,
  jsonHeaders,
  jsonOf,
  openExchange,
} from "./exchange.ts";
import { fieldsOf } from "./fields-of.ts";
import { ServerError } from "./server-error.ts";

/** Statuses after which a request is sent once more. */
export const PASSING = [408, 409, 425, 429, 500, 502, 503, 504];

/** Statuses that say that no request will be answered. */
const CLOSED = [401, 402, 403];

/** Statuses that may mean that a server does not know some field of a request. */
const UNKNOWN_FIELD = [400, 422];

/** Longest time in milliseconds that a server may ask to wait. */
const LONGEST_PAUSE = 60_000;

/** The way out where the server does not say which model it has. */
const NAME_ONE = "name one: with --model, beside --url with --served-name";

const NAME_COST: Cost = { requests: 1, tokensIn: 0, tokensOut: 0 };

/** One request, as it is sent. */
interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: object | undefined;
  readonly isWrong?: boolean | undefined;
  readonly hidden?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

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

  /** Where the endpoint is. */
  get url(): string {
    return this.#base;
  }

  /** The extra fields that the server has refused. */
  get refused(): readonly string[] {
    return [...this.#extras].flatMap(([keys, how]) => (how === "refused" ? keys.split(" ") : []));
  }

  /** The models that the server lists, as it tells of them. */
  async models(): Promise<readonly unknown[]> {
    this.#options.budget.pay(NAME_COST);
    const request = { method: "GET", path: "models" } as const;
    const { json, status, text } = this.#checked(request, await this.#exchange(request));
    const { data } = fieldsOf(json);
    if (status === 200) return Array.isArray(data) ? data : [];
    const what = `expected the name of a model, got status ${status}: ${complaint(text)}`;
    throw new EndpointError("not-understood", this.urlOf("models"), `${what}; ${NAME_ONE}`);
  }

  /** The name of the model. @throws {EndpointError} when the server lists none */
  async model(): Promise<string> {
    if (this.#model !== undefined) return this.#model;
    const { id } = fieldsOf((await this.models())[0]);
    if (typeof id !== "string") {
      const what = `expected the name of a model, got a list without one; ${NAME_ONE}`;
      throw new EndpointError("unreadable", this.urlOf("models"), what);
    }
    this.#model = id;
    return id;
  }

  /**
   * Asks. Statuses that say that the request is not understood are answers.
   *
   * @throws {EndpointError} when the endpoint does not answer, or the budget is used up
   */
  async ask(ask: Ask): Promise<Answer> {
    return this.#tried(ask, async (body, cost) => {
      const request = { ...ask, method: "POST", body } as const;
      return this.#checked(request, await this.#exchange(request, cost));
    });
  }

  /**
   * Asks for a reply that comes piece by piece, and gives the JSON of each event.
   *
   * @throws {EndpointError} when the endpoint does not answer, does not understand, breaks off inside an
   *   event, or tells of an error of its own; the signal's reason when it aborts
   */
  async *stream(ask: Ask): AsyncGenerator<unknown, void> {
    const { hidden } = ask;
    const url = this.urlOf(ask.path);
    const { status, pieces, text } = await this.#tried(ask, async (body, cost) => {
      const request = { ...ask, method: "POST", body } as const;
      const opened = await this.#sent(request, cost, () => this.#opened(request));
      if (opened.status !== 200) this.#checked(request, opened);
      return opened;
    });
    if (status !== 200) {
      throw new EndpointError("not-understood", url, `status ${status}: ${complaint(text)}`);
    }
    try {
      for await (const event of eventsOf(pieces, url)) {
        const { error, code } = fieldsOf(event);
        if (error || (typeof code === "number" && code >= 400)) {
          const what = complaint(this.#safe(JSON.stringify(event), hidden));
          throw new EndpointError("failed", url, `the reply ended with an error: ${what}`);
        }
        yield event;
      }
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Asks with as many of the extra fields as the server takes. */
  async #tried<T extends { readonly status: number }>(
    ask: Ask,
    send: (body: object, cost: Cost) => Promise<T>,
  ): Promise<T> {
    const model = await this.model();
    const { budget } = this.#options;
    const cost = { requests: 1, tokensIn: ask.tokensIn, tokensOut: ask.tokensOut };
    budget.pay(cost);
    const bare = { model, ...ask.body };
    const extras = (ask.extras ?? []).filter((one) => this.#extras.get(keysOf(one)) !== "refused");
    const isTrial = extras.some((one) => !this.#extras.has(keysOf(one)));
    for (let n = extras.length; ; n--) {
      const answer = await send(Object.assign({}, bare, ...extras.slice(0, n)), cost);
      if (answer.status === 200) {
        for (const [i, one] of extras.entries()) {
          this.#extras.set(keysOf(one), i < n ? "taken" : "refused");
        }
      }
      if (!(isTrial && n > 0 && UNKNOWN_FIELD.includes(answer.status))) return answer;
      budget.pay(cost);
    }
  }

  /** Sends a request, a second time if the first fails. */
  async #sent<T extends Pick<Exchanged, "status" | "headers">>(
    { isWrong = false, signal }: Request,
    cost: Cost,
    send: () => Promise<T>,
  ): Promise<T> {
    const { budget, recording, pause = 1000 } = this.#options;
    for (let isFirst = true; ; isFirst = false) {
      const got = await send().catch((error) => {
        const mayRepeat = isFirst && error instanceof ServerError;
        if (mayRepeat && error.fault === "unreachable") return error;
        throw this.#failure(error);
      });
      if (!(got instanceof ServerError)) {
        const mayRepeat = isFirst && PASSING.includes(got.status);
        if (!mayRepeat || (isWrong && got.status >= 500)) return got;
      }
      if (recording) continue; // what was recorded does not need time to recover
      const asked = got instanceof Error ? 0 : 1000 * Number(got.headers.get("retry-after"));
      await waitFor(asked > 0 ? Math.min(asked, LONGEST_PAUSE) : pause, this.#signalOf(signal));
      budget.pay(cost);
    }
  }

  /** Sends a request, and reads the whole answer. */
  #exchange(request: Request, cost = NAME_COST): Promise<Exchanged> {
    const { timeout, send, recording, recorder } = this.#options;
    const { method, path, body } = request;
    return this.#sent(request, cost, async () => {
      if (recording) {
        const { status, text } = recording.take({ method, path, body });
        return { status, text, headers: new Headers() };
      }
      const got = await exchange(this.urlOf(path), this.#init(request), timeout, send);
      const { status } = got;
      const text = this.#safe(got.text);
      recorder?.add({ method, path, body, status, text });
      return { ...got, text };
    });
  }

  /** Sends a request, and reads its answer only where it is an error. */
  async #opened(request: Request) {
    const { timeout, send } = this.#options;
    const url = this.urlOf(request.path);
    const opened = await openExchange(url, this.#init(request), timeout, send);
    let text = "";
    if (opened.status !== 200) for await (const piece of opened.pieces) text += piece;
    return { ...opened, text: this.#safe(text, request.hidden) };
  }

  #init({ method, body, signal }: Request): RequestInit {
    const both = this.#signalOf(signal);
    return {
      method,
      headers: jsonHeaders(this.#options.apiKey),
      redirect: "manual",
      ...(body && { body: JSON.stringify(body) }),
      ...(both && { signal: both }),
    };
  }

  #signalOf(signal: AbortSignal | undefined): AbortSignal | undefined {
    const signals = [this.#options.signal, signal].filter((one) => one !== undefined);
    return signals.length > 1 ? AbortSignal.any(signals) : signals[0];
  }

  /** The text without the key, and without what is hidden: some servers repeat both in an error. */
  #safe(text: string, hidden: readonly string[] = []): string {
    const { apiKey } = this.#options;
    const open = apiKey === undefined ? text : text.replaceAll(apiKey, "[key]");
    const spelled = hidden.flatMap((one) => [one, JSON.stringify(one).slice(1, -1)]);
    return spelled
      .filter((one) => one !== "")
      .reduce((so, one) => so.replaceAll(one, "[prompt]"), open);
  }

  #failure(error: unknown): unknown {
    if (!(error instanceof ServerError)) return error;
    const fault = error.fault === "json" ? "unreadable" : "no-answer";
    return new EndpointError(fault, error.where, this.#safe(error.what));
  }

  /** The URL of a path. */
  urlOf(path: string): string {
    return path.startsWith("/") ? this.#base.replace(/\/v1$/, "") + path : `${this.#base}/${path}`;
  }

  #checked(
    { path, isWrong = false }: Request,
    { status, text, headers }: Pick<Exchanged, "status" | "text" | "headers">,
  ): Answer {
    const url = this.urlOf(path);
    const told = () => `status ${status}: ${complaint(text)}`;
    if (status >= 300 && status < 400) {
      const to = this.#safe(headers.get("location") ?? "nowhere");
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
      throw this.#failure(error);
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
