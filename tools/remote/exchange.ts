/**
 * One request to another program's server, and its answer: whole, or piece by piece.
 *
 * Next: client.ts
 * @module
 */
import { fieldsOf } from "./fields-of.ts";
import { ServerError } from "./server-error.ts";

/** A server's complaint is cut after this many characters; it may be a page of HTML or a stack. */
const LONGEST_COMPLAINT = 300;

/** Characters of one event, or bytes of an answer, that are read. Log-probabilities of a whole vocabulary for some positions fit. */
export const LONGEST_ANSWER = 2 ** 26;

/** An answer, whatever its status. */
export interface Exchanged {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** An answer that is not read yet. */
export interface Opened {
  readonly status: number;
  readonly headers: Headers;
  /** Its text, as it comes. Whoever ends the loop over it ends the request. */
  readonly pieces: AsyncGenerator<string, void>;
}

/** Sends a request as `fetch` does; a test, or a recording, can take its place. */
export type Send = (url: string, init: RequestInit) => Promise<Response>;

/** The headers of a request whose body is JSON. */
export function jsonHeaders(apiKey: string | undefined): Record<string, string> {
  return {
    "content-type": "application/json",
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
}

/**
 * Sends a request, and reads the answer to its end.
 *
 * @param seconds the longest time that both may take
 * @throws {ServerError} when there is no answer, or none that could be read whole
 */
export async function exchange(
  url: string,
  init: RequestInit,
  seconds: number,
  send: Send = fetch,
): Promise<Exchanged> {
  const signal = AbortSignal.timeout(seconds * 1000);
  const signals = init.signal ? AbortSignal.any([signal, init.signal]) : signal;
  try {
    const response = await send(url, { ...init, signal: signals });
    const { status, headers } = response;
    return { status, headers, text: await bodyOf(response, url) };
  } catch (error) {
    throw failureOf(error, url, seconds, signal, init.signal);
  }
}

/**
 * Sends a request, and returns its answer as soon as it begins.
 *
 * @param seconds the longest time that the answer may take to begin, and after that each next piece
 * @throws {ServerError} when there is no answer; reading the pieces throws it when they end too early
 */
export async function openExchange(
  url: string,
  init: RequestInit,
  seconds: number,
  send: Send = fetch,
): Promise<Opened> {
  const { signal, wait } = new Patience(seconds);
  const signals = init.signal ? AbortSignal.any([signal, init.signal]) : signal;
  const failed = (error: unknown) => failureOf(error, url, seconds, signal, init.signal);
  try {
    const { status, headers, body } = await wait(send(url, { ...init, signal: signals }));
    return { status, headers, pieces: piecesOf(body, wait, failed) };
  } catch (error) {
    throw failed(error);
  }
}

async function* piecesOf(
  body: Response["body"],
  wait: Patience["wait"],
  failed: (error: unknown) => unknown,
): AsyncGenerator<string, void> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let isWhole = false;
  try {
    while (reader) {
      const { done, value } = await wait(reader.read());
      if (done) break;
      yield decoder.decode(value, { stream: true });
    }
    isWhole = true;
    yield decoder.decode();
  } catch (error) {
    isWhole = true; // there is nothing left to cancel
    throw failed(error);
  } finally {
    if (!isWhole) await reader?.cancel().catch(() => {});
  }
}

/** Aborts when one thing that is waited for takes too long. */
class Patience {
  readonly #abort = new AbortController();
  readonly #ms: number;
  readonly signal: AbortSignal = this.#abort.signal;

  constructor(seconds: number) {
    this.#ms = 1000 * seconds;
  }

  /** Waits for one thing. */
  readonly wait = async <T>(thing: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => this.#abort.abort(), this.#ms);
    try {
      return await thing;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** The error of a request that failed; the reason of `stop`, if somebody stopped it. */
function failureOf(
  error: unknown,
  url: string,
  seconds: number,
  patience: AbortSignal,
  stop: AbortSignal | null | undefined,
): unknown {
  if (error instanceof ServerError) return error;
  if (stop?.aborted) return stop.reason;
  if (patience.aborted) return new ServerError("timeout", url, `no answer in ${seconds} s`);
  return new ServerError("unreachable", url, causeOf(error));
}

/** Reads JSON. @throws {ServerError} when it is none */
export function jsonOf(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ServerError("json", url, `expected JSON, got ${JSON.stringify(ends(text))}`);
  }
}

/** The whole body as text. @throws {ServerError} when it is longer than any answer can be */
async function bodyOf({ body }: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > LONGEST_ANSWER) {
      throw new ServerError(
        "json",
        url,
        `expected an answer of at most ${LONGEST_ANSWER} bytes, got more`,
      );
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** The sentence in a server's error, where it is JSON. */
export function complaint(text: string): string {
  try {
    const json = fieldsOf(JSON.parse(text));
    const message = fieldsOf(json.error).message ?? json.message ?? json.detail;
    if (typeof message === "string") return message;
  } catch {
    // The text is not JSON, so it is shown as it is.
  }
  return text.slice(0, LONGEST_COMPLAINT).trim() || "no reason given";
}

/** The beginning and the end of a text, for an error. */
export const ends = (text: string): string =>
  text.length > 80 ? `${text.slice(0, 40)} … ${text.slice(-40)}` : text;

/** Why `fetch` failed, in the words of the operating system where it was that. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  const { code, message: why } = (cause ?? {}) as { code?: string; message?: string };
  if (code === "ECONNREFUSED") return "connection refused: is the server running?";
  return why || code || message;
}
