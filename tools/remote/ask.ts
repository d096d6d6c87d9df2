/**
 * What is asked of an endpoint, and how.
 *
 * Next: client.ts
 * @module
 */
import type { Budget } from "./budget.ts";
import type { Send } from "./exchange.ts";
import type { Recorder, Recording } from "./traffic.ts";

/** One question. */
export interface Ask {
  /** The path below `/v1`, or from the root on where it begins with `/`. */
  readonly path: string;
  readonly body: object;
  /** Groups of fields that some servers refuse, the commonest first. Those that are refused are left out. */
  readonly extras?: readonly object[] | undefined;
  /** Tokens of the prompt, as far as they are known before. */
  readonly tokensIn: number;
  /** The most tokens of the reply. */
  readonly tokensOut: number;
  /** Whether the request is wrong on purpose: an error of the server is then an answer, too. */
  readonly isWrong?: boolean;
  /** Texts that no error may show, such as the prompt: some servers repeat it. */
  readonly hidden?: readonly string[] | undefined;
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined;
}

/** An answer. */
export interface Answer {
  readonly status: number;
  /** The body, where it is JSON; of a stream undefined. */
  readonly json: unknown;
  readonly text: string;
}

/** Whom to ask, and how. */
export interface ClientOptions {
  /** Up to and with `/v1`. */
  readonly url: string;
  /** The name of the model there; the first that the server lists by default. */
  readonly model?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Seconds for one request; of a stream, for its begin and then for each piece. */
  readonly timeout: number;
  /** Milliseconds before a request is sent again, unless the server says how long. */
  readonly pause?: number | undefined;
  readonly budget: Budget;
  /** Sends requests; `fetch` by default. */
  readonly send?: Send | undefined;
  /** Writes all that is asked and answered, streams apart. */
  readonly recorder?: Recorder | undefined;
  /** Answers instead of the endpoint. */
  readonly recording?: Recording | undefined;
  readonly signal?: AbortSignal | undefined;
}
