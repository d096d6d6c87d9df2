/**
 * Reads the events in which servers tell a reply: one kind of them for each way to ask.
 *
 * Next: endpoint.ts
 * @module
 */
import { fieldsOf } from "./fields-of.ts";
import { ServerError } from "./server-error.ts";

/** What one event says. */
export interface Step {
  /** The next tokens; undefined where the event tells none. */
  readonly ids?: readonly number[] | undefined;
  /** The next part of the text. */
  readonly text: string;
  /** Why the reply ended, at its end. */
  readonly finish: "stop" | "length" | undefined;
  /** The tokens of the prompt that the server has run, where it tells them. */
  readonly promptIds?: readonly number[] | undefined;
  /** Tokens of the prompt, as the server counts them. */
  readonly nPrompt: number | undefined;
  /** Those of them that it had read before. */
  readonly nCached?: number | undefined;
  /** Tokens of the reply so far, as the server counts them. */
  readonly nReply: number | undefined;
}

/** Reads the next event. @throws {ServerError} for one of another shape */
export type ReadStep = (event: unknown) => Step;

/** Reads an event of `/v1/completions`. */
export function completionStep(event: unknown): Step {
  const { choices, usage } = fieldsOf(event);
  if (!Array.isArray(choices)) throw unlike("an event with choices", event);
  const choice = fieldsOf(choices[0]);
  const { text, token_ids, prompt_token_ids, finish_reason: finish } = choice;
  const { prompt_tokens, completion_tokens, prompt_tokens_details: details } = fieldsOf(usage);
  const { cached_tokens } = fieldsOf(details);
  return {
    ids: idsIn(token_ids),
    text: typeof text === "string" ? text : "",
    finish: isAbsent(finish) ? undefined : finishOf(finish),
    promptIds: idsIn(prompt_token_ids),
    nPrompt: countIn(prompt_tokens),
    nCached: countIn(cached_tokens),
    nReply: countIn(completion_tokens),
  };
}

/**
 * Reads the events of SGLang's `/generate`. Each tells all of the reply so far, or, with another setting of
 * the server, what is new: the count of tokens says which.
 */
export function generateReader(): ReadStep {
  let nSeen = 0;
  return (event) => {
    const { output_ids, text, meta_info: meta } = fieldsOf(event);
    const { completion_tokens, finish_reason, prompt_tokens, cached_tokens } = fieldsOf(meta);
    const told = idsIn(output_ids);
    if (told === undefined && typeof text !== "string") {
      throw unlike("an event with output_ids or text", event);
    }
    const nReply = countIn(completion_tokens);
    const isAll = told !== undefined && told.length === nReply;
    const ids = isAll ? told.slice(nSeen) : told;
    nSeen += ids?.length ?? 0;
    return {
      ids,
      text: "", // this way is taken for its ids
      finish: isAbsent(finish_reason) ? undefined : finishOf(typeOf(finish_reason)),
      nPrompt: countIn(prompt_tokens),
      nCached: countIn(cached_tokens),
      nReply,
    };
  };
}

/** Reads the events of llama-server's `/completion`. */
export function llamaReader(): ReadStep {
  let nSeen = 0;
  return (event) => {
    const { content, tokens, stop, truncated, ...more } = fieldsOf(event);
    const { tokens_evaluated, tokens_predicted, stop_type, stopped_limit } = more;
    if (typeof content !== "string") throw unlike("an event with content", event);
    if (truncated === true) throw unlike("the whole prompt to be read", "a prompt that was cut");
    const isEnd = stop === true;
    const isNew = !isEnd || nSeen === 0; // in a stream, the last event may repeat what was told
    const ids = isNew ? idsIn(tokens) : [];
    nSeen += ids?.length ?? 0;
    const isFull = stop_type === "limit" || stopped_limit === true; // the second is the older form
    return {
      ids,
      text: isNew ? content : "",
      finish: isEnd ? (isFull ? "length" : "stop") : undefined,
      nPrompt: countIn(tokens_evaluated),
      nReply: countIn(tokens_predicted),
    };
  };
}

function typeOf(reason: unknown): unknown {
  const { type } = fieldsOf(reason);
  return type;
}

const isAbsent = (value: unknown): boolean => value === null || value === undefined;

function finishOf(reason: unknown): "stop" | "length" {
  if (reason === "stop" || reason === "length") return reason;
  throw unlike("a reply that ends with stop or length", reason);
}

/** @throws {ServerError} for a list that holds something else */
function idsIn(told: unknown): readonly number[] | undefined {
  if (!Array.isArray(told)) return undefined;
  if (told.every((id) => Number.isInteger(id) && id >= 0)) return told;
  throw unlike("token ids", told);
}

function countIn(told: unknown): number | undefined {
  return typeof told === "number" ? told : undefined;
}

/** The error of something that has another shape. It says nothing of what a reply holds. */
export function unlike(expected: string, got: unknown): ServerError {
  const keys = Object.keys(fieldsOf(got)).slice(0, 8).join(", ");
  const what = typeof got === "string" ? got : keys === "" ? "another value" : `fields ${keys}`;
  return new ServerError("json", "reply", `expected ${expected}, got ${what.slice(0, 80)}`);
}
