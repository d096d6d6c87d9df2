/**
 * The fields of what a server answered, before anybody knows its shape.
 * @module
 */

/** The fields of an object; of anything else none. */
export function fieldsOf(json: unknown): Known {
  return typeof json === "object" && json !== null ? (json as Known) : {};
}

/** Fields that are asked for by name. */
export interface Known {
  readonly [key: string]: unknown;
  readonly content?: unknown;
  readonly tokens?: unknown;
  readonly top_logprobs?: unknown;
  readonly id?: unknown;
  readonly token?: unknown;
  readonly logprob?: unknown;
  readonly choices?: unknown;
  readonly logprobs?: unknown;
  readonly data?: unknown;
  readonly error?: unknown;
  readonly message?: unknown;
  readonly detail?: unknown;
}
