/**
 * The error class of this folder. Its message is always "where: expected this, got that".
 * @module
 */

/**
 * A tokenizer.json, a text, a conversation or a list of ids that cannot be used exactly as it is.
 */
export class TokenizerError extends Error {
  /** The name of this class. */
  override readonly name = "TokenizerError";
  /** The kind of this error, as all errors of this project have one. */
  readonly code = "tokenizer";
  /** The offending place, e.g. `tokenizer.json: model.type` or `ids[3]`. */
  readonly where: string;
  /** What was expected and what was found, in words. */
  readonly what: string;
  /** What was expected there. */
  readonly expected: string;
  /** What was found there. */
  readonly got: string;

  constructor(where: string, expected: string, got: string, options?: ErrorOptions) {
    const what = `expected ${expected}, got ${got}`;
    super(`${where}: ${what}`, options);
    this.where = where;
    this.what = what;
    this.expected = expected;
    this.got = got;
  }
}

/** Characters of a value that a message shows. A whole vocabulary must not end up in a message. */
const SHOWN_LENGTH = 60;

/** Prints `value` as short JSON, for the end of a message. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value); // JSON has no NaN
  const json = JSON.stringify(value) ?? typeof value;
  return json.length > SHOWN_LENGTH ? `${json.slice(0, SHOWN_LENGTH)}…` : json;
}
