/**
 * How a stream of OpenAI's APIs ends.
 * @module
 */
import { openAIError } from "../errors.ts";
import type { ServeError } from "../serve-error.ts";
import { sse } from "../sse.ts";

/** The last event. */
export const DONE: string = sse("[DONE]");

/** What a stream says when it fails after its beginning: clients raise an error when they read it. */
export function errorEvents(error: ServeError): string {
  return sse(openAIError(error).body) + DONE;
}
