/**
 * How errors reach a client: every error becomes a `ServeError`, and that has a status and a body in the
 * shape of OpenAI's APIs.
 * @module
 */
import { type ErrorCode, isExplained } from "../../engine/index.ts";
import { ServeError, type ServeErrorKind } from "./serve-error.ts";
import type { WrittenError } from "./service.ts";

/** Kinds of errors that say what is wrong with a request. */
const OF_REQUESTS: readonly ErrorCode[] = [
  ...(["argument", "constraint", "sampling", "tokens", "tokenizer"] as const),
];

/** Returns what a client is told of an error. What is no client's concern is `failed`. */
export function asServeError(error: unknown): ServeError {
  if (error instanceof ServeError) return error;
  if (isExplained(error)) {
    const { code, where, what } = error;
    if (!OF_REQUESTS.includes(code)) return new ServeError("failed", where, what);
    const [field] = where.split(": "); // without the line and column of a text in it
    return new ServeError("request", where, what, field);
  }
  return new ServeError("failed", "server", "an error of this program; its log says more");
}

/** The status and the names that OpenAI's APIs have for each kind. */
const WIRE: Readonly<
  Record<ServeErrorKind, readonly [status: number, type: string, code?: string]>
> = {
  request: [400, "invalid_request_error"],
  "context-length": [400, "invalid_request_error", "context_length_exceeded"],
  authentication: [401, "authentication_error", "invalid_api_key"],
  permission: [403, "permission_error"],
  "not-found": [404, "not_found_error"],
  "model-not-found": [404, "not_found_error", "model_not_found"],
  method: [405, "method_not_allowed"],
  timeout: [408, "timeout_error"],
  "too-large": [413, "request_too_large"],
  "queue-full": [429, "rate_limit_error", "queue_full"],
  failed: [500, "server_error"],
  unavailable: [503, "unavailable"],
};

/** Seconds after which a client may try again. */
const RETRY_AFTER = 2;

/** The status of an error, and headers that tell clients whether to try again. */
export function statusOf(error: ServeError): Pick<WrittenError, "status" | "headers"> {
  const { kind } = error;
  const [status] = WIRE[kind];
  const waits = kind === "queue-full" || kind === "unavailable";
  return {
    status,
    headers: {
      ...(waits && { "retry-after": String(RETRY_AFTER) }),
      // The same request would fail again: clients try twice more, unless they are told.
      ...(kind === "failed" && { "x-should-retry": "false" }),
      ...(kind === "authentication" && { "www-authenticate": "Bearer" }),
    },
  };
}

/** What an error says: for a prompt that is too long the one phrase that agents look for, alone. */
export function messageOf(error: ServeError): string {
  return error.kind === "context-length" ? error.what : error.message;
}

/** Writes an error as OpenAI does. All four keys are there. */
export function openAIError(error: ServeError): WrittenError {
  const [, type, code = null] = WIRE[error.kind];
  const body = { message: messageOf(error), type, param: error.field ?? null, code };
  return { ...statusOf(error), body: { error: body } };
}

/** The one name of an error, where an API has room for no more. */
export function codeOf({ kind }: ServeError): string {
  const [, type, code = type] = WIRE[kind];
  return code;
}
