/**
 * The one error class of this folder. Its message is always "where: expected what, got what".
 * @module
 */

/** A tokenizer.json, a text or an id list that this tokenizer cannot take exactly. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
  /** The three fields that every error of this project has for programs. */
  readonly code = "tokenizer";
  /** The offending place, e.g. `tokenizer.json: model.type` or `ids[3]`. */
  readonly where: string;
  readonly what: string;
  readonly expected: string;
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

const SHOWN_LENGTH = 60; // characters; a whole vocabulary must not end up in a message

/** `value` as short JSON, for the "got" half of a message. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value); // JSON has no NaN
  const json = JSON.stringify(value) ?? typeof value;
  return json.length > SHOWN_LENGTH ? `${json.slice(0, SHOWN_LENGTH)}…` : json;
}
