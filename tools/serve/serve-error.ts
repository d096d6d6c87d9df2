/**
 * What a server answers when it cannot do what was asked.
 *
 * Next: desk.ts
 * @module
 */
import { GlmError } from "../../engine/index.ts";

/** The kinds of refusals; each API has its own names and numbers for them. */
export type ServeErrorKind =
  | "request" // the request is wrong
  | "context-length" // the prompt does not fit
  | "authentication" // no key, or a wrong one
  | "permission" // a foreign Host
  | "not-found" // no such path
  | "model-not-found" // no such model
  | "method" // no such method on this path
  | "too-large" // a body that is too long
  | "timeout" // it took too long
  | "queue-full" // too many wait
  | "failed" // the engine, or a part of the server, failed
  | "unavailable"; // the server starts or ends

/** A refusal. `where` is the field of the request, or what failed. */
export class ServeError extends GlmError {
  override readonly name = "ServeError";
  readonly code = "server";
  /** Which kind it is. */
  readonly kind: ServeErrorKind;
  /** The field of the request that is wrong, if one is. */
  readonly field: string | undefined;

  constructor(kind: ServeErrorKind, where: string, what: string, field?: string) {
    super(where, what);
    this.kind = kind;
    this.field = field;
  }
}

/** The refusal of a prompt that does not fit. Each API has its own sentence for it, with both numbers. */
export class ContextLengthError extends ServeError {
  /** Tokens of the prompt. */
  readonly tokens: number;
  /** Tokens that there is room for. */
  readonly maximum: number;

  constructor(tokens: number, maximum: number) {
    // Agents look for this very phrase, and then make the conversation shorter.
    const what =
      `This model's maximum context length is ${maximum} tokens. ` +
      `However, your messages resulted in ${tokens} tokens.`;
    super("context-length", "messages", what, "messages");
    this.tokens = tokens;
    this.maximum = maximum;
  }
}
