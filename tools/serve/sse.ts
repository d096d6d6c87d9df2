/**
 * Answers that come as a stream of server-sent events.
 *
 * The first event is asked for before there is an answer, so that what is wrong with a request is an
 * ordinary error. All others are made when the client has read the one before, or the buffers of its
 * connection have room. While nothing comes, the stream says that it is alive.
 *
 * Next: app.ts
 * @module
 */
import { statusOf } from "./errors.ts";
import type { ServeError } from "./serve-error.ts";
import { CLIENT_GONE, type ServeContext, type Service } from "./service.ts";

/** What a stream says while there is nothing to say: a comment, which all clients tried pass over. */
export const PING = ": ping\n\n";

/** Milliseconds of silence before it. */
const KEEP_ALIVE_MS = 10_000;

/** An event as it is sent; with a name where the API gives its events names. */
export function sse(data: string | object, event?: string): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${text}\n\n`;
}

/** How a stream is sent. */
export interface StreamRules {
  /** What the stream says when an error comes after its beginning. */
  readonly onError: (error: ServeError) => string;
  /** What it says to show that it is alive; a comment by default. */
  readonly ping?: string;
}

/**
 * Makes what ends the work for a request: the client has gone, or stops reading. A handler passes the
 * signal to `converse` or `complete`.
 */
export function abortOf(c: ServeContext): AbortController {
  const abort = new AbortController();
  const { signal } = c.req.raw;
  const pass = () => abort.abort(new DOMException("the client has gone", "AbortError"));
  if (signal.aborted) pass();
  else signal.addEventListener("abort", pass, { once: true });
  return abort;
}

/**
 * Answers with a stream.
 *
 * @param events the events as {@link sse} writes them; several may stand in one text
 * @throws what the first event throws
 */
export async function streamOf(
  c: ServeContext,
  service: Service,
  events: AsyncGenerator<string, void>,
  abort: AbortController,
  rules: StreamRules,
): Promise<Response> {
  const record = c.get("record");
  const { keepAlive = KEEP_ALIVE_MS } = service.options;
  const { onError, ping = PING } = rules;
  let next: Promise<IteratorResult<string, void>> = Promise.resolve(await events.next());
  let isCancelled = false;
  record.isStream = true;
  const pull = async (to: ReadableStreamDefaultController<Uint8Array>) => {
    try {
      const step = await orSilence(next, keepAlive);
      if (isCancelled) return;
      if (step === undefined) return to.enqueue(encoder.encode(ping));
      if (step.done) {
        service.isOver(record, record.status);
        return to.close();
      }
      to.enqueue(encoder.encode(step.value));
      next = events.next();
      next.catch(() => {}); // it is read, and its error told, at the next pull
    } catch (cause) {
      if (isCancelled) return;
      if (abort.signal.aborted) {
        service.isOver(record, CLIENT_GONE);
        return to.close(); // an error would be told to nobody, and logged as a mistake
      }
      const error = service.explain(cause);
      record.error = error.kind;
      service.isOver(record, statusOf(error).status);
      to.enqueue(encoder.encode(onError(error)));
      to.close();
    }
  };
  const cancel = async (reason: unknown) => {
    isCancelled = true;
    abort.abort(reason);
    service.isOver(record, CLIENT_GONE);
    await events.return();
  };
  const body = new ReadableStream<Uint8Array>({ pull, cancel });
  return c.body(body, 200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  });
}

const encoder = new TextEncoder();

/** Waits for a promise; undefined when it takes longer than so many milliseconds. */
async function orSilence<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}
