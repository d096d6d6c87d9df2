/**
 * Why an endpoint cannot be asked at all, or no further.
 * @module
 */
import { GlmError } from "../../engine/index.ts";

/** Kinds of an {@link EndpointError}. */
export type EndpointFault =
  /** It does not answer. */
  | "no-answer"
  /** It answers in a way that cannot be read: no JSON, or a stream that breaks off. */
  | "unreadable"
  /** It wants another key, or none of our requests. */
  | "refused"
  /** It does not know the path or the fields of a request. */
  | "not-understood"
  /** It answers with an error of its own, twice. */
  | "failed"
  /** It does not run the prompt that it was given. */
  | "other-prompt"
  /** It leads to another host. A key would go there, too. */
  | "redirect"
  /** More was to be asked than was allowed. */
  | "budget"
  /** A recording does not hold the request, or was changed. */
  | "recording";

/** An endpoint that cannot be asked; the message says why. */
export class EndpointError extends GlmError {
  override readonly name = "EndpointError";
  readonly code = "server";
  readonly fault: EndpointFault;

  constructor(fault: EndpointFault, where: string, what: string, options?: ErrorOptions) {
    super(where, what, options);
    this.fault = fault;
  }
}
