/**
 * Replies that are given beforehand, as a file has them: a JSON array, or one JSON object in each line.
 *
 * Next: scripted-replies.ts
 * @module
 */
import type { JsonObject } from "../../../tokenizer/chat/index.ts";
import * as shape from "../../../tokenizer/chat/json-shape.ts";
import { field, type Place } from "../../../tokenizer/chat/json-shape.ts";
import { TokenizerError } from "../../../tokenizer/tokenizer-error.ts";
import { entriesIn } from "../json-entries.ts";

/** A call of a tool in a reply. */
export interface ScriptCall {
  readonly name: string;
  readonly arguments: JsonObject;
}

/** A reply in its parts. */
export interface ScriptMessage {
  readonly kind: "message";
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly ScriptCall[];
}

/** A reply as the model would write it; control tokens are found by their spelling. */
export interface ScriptText {
  readonly kind: "text";
  readonly text: string;
}

/** One reply, and what it answers. */
export interface ScriptEntry {
  /** Where it stands in the file. */
  readonly where: string;
  /** What the last message must contain. Without it, the entry is given once, when its turn comes. */
  readonly when: string | undefined;
  readonly reply: ScriptMessage | ScriptText;
}

/**
 * Reads a script.
 *
 * @param name of the file, for errors
 * @throws {TokenizerError} that says which entry is wrong
 */
export function readScript(text: string, name: string): readonly ScriptEntry[] {
  return entriesIn(text, name).map(entryAt);
}

const MESSAGE_KEYS = ["content", "reasoning", "calls"] as const;

function entryAt(place: Place): ScriptEntry {
  const { path } = place;
  const entry = shape.object(place);
  const at = (key: string) => field(entry, path, key);
  shape.keys(entry, path, ["when", "text", ...MESSAGE_KEYS], "error");
  const text = shape.optional(at("text"), shape.string);
  const given = MESSAGE_KEYS.filter((key) => isGiven(at(key)));
  if (text !== undefined && given.length > 0) {
    throw new TokenizerError(path, "text, or content, reasoning and calls", `text and ${given[0]}`);
  }
  const when = shape.optional(at("when"), shape.name);
  if (text !== undefined) return { where: path, when, reply: { kind: "text", text } };
  if (given.length === 0) {
    throw new TokenizerError(path, "text, content, reasoning or calls", "none of them");
  }
  const reply: ScriptMessage = {
    kind: "message",
    content: shape.optional(at("content"), shape.string) ?? "",
    reasoning: shape.optional(at("reasoning"), shape.string) ?? "",
    calls: shape.optional(at("calls"), (calls) => shape.items(calls, callAt)) ?? [],
  };
  return { where: path, when, reply };
}

const isGiven = ({ value }: Place): boolean => value !== undefined && value !== null;

function callAt(place: Place): ScriptCall {
  const call = shape.object(place);
  shape.keys(call, place.path, ["name", "arguments"], "error");
  return {
    name: shape.name(field(call, place.path, "name")),
    arguments: shape.optional(field(call, place.path, "arguments"), shape.object) ?? new Map(),
  };
}
