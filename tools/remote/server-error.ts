/**
 * What can be wrong with a server before its numbers are looked at.
 * @module
 */
import { UserError } from "../node/user-error.ts";

/** Kinds of a {@link ServerError}. */
export type ServerFault =
  /** Nothing listens there, or the connection broke. */
  | "unreachable"
  | "timeout"
  /** A status other than 2xx. */
  | "http"
  | "json"
  /** JSON without what was asked for. */
  | "logprobs"
  /** The name of a token that is none of the case's. */
  | "token";

/** A server that cannot be checked; the message says why. */
export class ServerError extends UserError {
  readonly fault: ServerFault;

  constructor(fault: ServerFault, where: string, what: string) {
    super(where, what);
    this.fault = fault;
  }
}
