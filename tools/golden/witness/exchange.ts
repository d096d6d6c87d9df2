/**
 * One request to another program's server, and its whole answer.
 *
 * Next: answer.ts
 * @module
 */
import { fieldsOf } from "./answer.ts";
import { ServerError } from "./server-error.ts";

/** A server's complaint is cut after this many characters; it may be a page of HTML or a stack. */
const LONGEST_COMPLAINT = 300;

/** Bytes of an answer that is read. Log-probabilities of a whole vocabulary for some positions fit. */
const LONGEST_ANSWER = 2 ** 26;

/** An answer, whatever its status. */
export interface Exchanged {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
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
    if (error instanceof ServerError) throw error;
    init.signal?.throwIfAborted();
    if (signal.aborted) throw new ServerError("timeout", url, `no answer in ${seconds} s`);
    throw new ServerError("unreachable", url, causeOf(error));
  }
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

/** The beginning and the end of a text. */
const ends = (text: string): string =>
  text.length > 80 ? `${text.slice(0, 40)} … ${text.slice(-40)}` : text;

/** Why `fetch` failed, in the words of the operating system where it was that. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  const { code, message: why } = (cause ?? {}) as { code?: string; message?: string };
  if (code === "ECONNREFUSED") return "connection refused: is the server running?";
  return why || code || message;
}
