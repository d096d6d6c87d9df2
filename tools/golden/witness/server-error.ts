/**
 * What can be wrong with a server before its numbers are looked at.
 * @module
 */
import { CliError } from "../../cli/explain.ts";

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
export class ServerError extends CliError {
  readonly fault: ServerFault;

  constructor(fault: ServerFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
