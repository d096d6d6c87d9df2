/**
 * Why an endpoint cannot be verified at all, or no further.
 * @module
 */
import { GlmError } from "../../engine/index.ts";

/** Kinds of an {@link EndpointError}. */
export type EndpointFault =
  /** It does not answer, or not in a way that can be read. */
  | "no-answer"
  /** It wants another key, or none of our requests. */
  | "refused"
  /** It answers with an error of its own, twice. */
  | "failed"
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
