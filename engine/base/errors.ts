/**
 * The errors that tell a user what to put right.
 *
 * Every error of this kind is one sentence, `where: what`, and carries its two halves and a code that
 * programs can rely on. Any other error, a {@link ShapeError} too, is a mistake of a program: of this
 * one, or of a backend that was given to it.
 * @module
 */

/** The kinds of errors. A kind keeps its name; new kinds may come. */
export type ErrorCode =
  | "argument" // a value that a caller passed
  | "cache" // caches that do not fit the step that is run on them
  | "checkpoint" // a file of weights
  | "config" // a config.json
  | "constraint" // a rule for what a text may say
  | "context" // more positions than there is room for
  | "disagreement" // an op that left its bound
  | "encoding" // numbers that a row format cannot hold
  | "memory" // too little memory
  | "overflow" // numbers that leave the range of their format
  | "sampling" // a sampling option
  | "session" // a saved session
  | "server" // another program that was asked over the network
  | "store" // a store of cold rows
  | "threads" // a thread that failed
  | "tokens" // a token id
  | "tokenizer" // a tokenizer.json, a text, a conversation
  | "user"; // a file, a folder or an option on the command line

/** What all errors of this kind have. `TokenizerError` has it too, without importing this file. */
export interface Explained {
  /** The kind of the error. */
  readonly code: ErrorCode;
  /** The file, tensor, option or position that is wrong. */
  readonly where: string;
  /** What was expected there, what was found, and often the way out. */
  readonly what: string;
}

/** Base class of the errors of the engine and of the tools. */
export abstract class GlmError extends Error implements Explained {
  /** The name of the class, which does not change when the code is minified. */
  abstract override readonly name: string;
  /** The kind of the error. */
  abstract readonly code: ErrorCode;
  /** The file, tensor, option or position that is wrong. */
  readonly where: string;
  /** What was expected there, what was found, and often the way out. */
  readonly what: string;

  constructor(where: string, what: string, options?: ErrorOptions) {
    super(`${where}: ${what}`, options);
    this.where = where;
    this.what = what;
  }
}

/** A caller passed a value that is out of range, or two that do not go together. */
export class ArgumentError extends GlmError {
  override readonly name = "ArgumentError";
  readonly code = "argument";
}

/** The weights of a model are so large that what is computed from them leaves the range of floats. */
export class OverflowError extends GlmError {
  override readonly name = "OverflowError";
  readonly code = "overflow";
}

/** There is less memory than was asked for. */
export class MemoryError extends GlmError {
  override readonly name = "MemoryError";
  readonly code = "memory";
}

/** Whether this error tells a user what to put right, whichever copy of this package made it. */
export function isExplained(error: unknown): error is Error & Explained {
  return error instanceof Error && "code" in error && "where" in error && "what" in error;
}
