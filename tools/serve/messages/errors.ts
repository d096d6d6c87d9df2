/**
 * Errors in the shape of Anthropic's API.
 *
 * Next: messages.ts
 * @module
 */
import { messageOf, statusOf } from "../errors.ts";
import { ContextLengthError, type ServeError, type ServeErrorKind } from "../serve-error.ts";
import type { WrittenError } from "../service.ts";

/** The names of the kinds, and statuses that are other ones than OpenAI's. */
const WIRE: Readonly<Record<ServeErrorKind, readonly [type: string, status?: number]>> = {
  request: ["invalid_request_error"],
  "context-length": ["invalid_request_error"],
  authentication: ["authentication_error"],
  permission: ["permission_error"],
  "not-found": ["not_found_error"],
  "model-not-found": ["not_found_error"],
  method: ["invalid_request_error"],
  "too-large": ["request_too_large"],
  timeout: ["timeout_error"],
  "queue-full": ["overloaded_error", 529],
  failed: ["api_error"],
  unavailable: ["overloaded_error"],
};

/** Writes an error, with the id of the request that met it. */
export function anthropicError(error: ServeError, requestId: string): WrittenError {
  const { status, headers } = statusOf(error);
  const [type, own = status] = WIRE[error.kind];
  return {
    status: own,
    headers: { ...headers, "request-id": requestId },
    body: { type: "error", error: { type, message: sentenceOf(error) }, request_id: requestId },
  };
}

/** For a prompt that is too long: the phrase that agents look for, before they shorten it. */
function sentenceOf(error: ServeError): string {
  if (!(error instanceof ContextLengthError)) return messageOf(error);
  return `prompt is too long: ${error.tokens} tokens > ${error.maximum} maximum`;
}
