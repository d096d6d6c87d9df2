/**
 * Checks one message of a conversation, in the protocol's own shape or in OpenAI's.
 *
 * Next: check-content.ts
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";
import { type Rules, type ToolContent, toolContent, visibleText } from "./check-content.ts";
import { unwrap } from "./check-tools.ts";
import { parseJson } from "./json-parse.ts";
import * as shape from "./json-shape.ts";
import { field, type Place, type Unknown } from "./json-shape.ts";
import { checkJson, entriesOf, type Json, type JsonObject } from "./json-value.ts";

/** A checked message. */
export type CheckedMessage =
  | { readonly role: "system" | "user"; readonly text: string }
  | CheckedAssistant
  | CheckedResult
  | { readonly role: "dropped" };

/** A checked reply of the model. */
export interface CheckedAssistant {
  readonly role: "assistant";
  readonly text: string;
  readonly reasoning: string | undefined;
  readonly calls: readonly CheckedCall[];
}

/** A checked call, with its arguments in their order. */
export interface CheckedCall {
  readonly id: string | undefined;
  readonly name: string;
  readonly arguments: readonly (readonly [string, Json])[];
}

/** A checked result of a tool. */
export interface CheckedResult {
  readonly role: "tool";
  readonly content: ToolContent;
  /** The call that it answers, and where the id stands. */
  readonly callId: { readonly value: string; readonly path: string } | undefined;
}

/** How messages are read. */
export interface MessageRules extends Rules {
  readonly unknownRoles: Unknown;
}

/** The roles, and another name for one of them. */
const ROLES = ["system", "user", "assistant", "tool", "developer"] as const;

// Keys that are read, and keys that clients send and that no prompt of this protocol shows.
const ANY_KEYS = ["role", "content", "name"] as const;
const ASSISTANT_KEYS = [
  ...[...ANY_KEYS, "reasoning_content", "reasoning", "thinking", "tool_calls"],
  ...["annotations", "refusal", "audio", "function_call"],
] as const;
const TOOL_KEYS = [...ANY_KEYS, "tool_call_id"] as const;

/** Checks one message. */
export function checkMessage(place: Place, rules: MessageRules): CheckedMessage {
  const { path } = place;
  const { unknown, unknownRoles } = rules;
  const message = shape.object(place);
  const rolePlace = field(message, path, "role");
  const content = field(message, path, "content");
  if (unknownRoles === "drop" && !isRole(shape.string(rolePlace))) return { role: "dropped" };
  const role = shape.oneOf(rolePlace, ROLES);
  if (role === "assistant") {
    shape.keys(message, path, ASSISTANT_KEYS, unknown);
    return checkAssistant(message, path, rules);
  }
  if (role === "tool") {
    shape.keys(message, path, TOOL_KEYS, unknown);
    const id = field(message, path, "tool_call_id");
    const value = shape.optional(id, shape.string);
    const callId = value === undefined ? undefined : { value, path: id.path };
    return { role, content: toolContent(content, rules), callId };
  }
  shape.keys(message, path, ANY_KEYS, unknown);
  return { role: role === "user" ? role : "system", text: visibleText(content, rules) };
}

function isRole(role: string): boolean {
  return (ROLES as readonly string[]).includes(role);
}

function checkAssistant(message: JsonObject, path: string, rules: Rules): CheckedAssistant {
  const { unknown } = rules;
  const content = field(message, path, "content");
  const readCalls = (calls: Place) => shape.items(calls, (call) => checkCall(call, unknown));
  if (unknown === "error") {
    for (const key of ["refusal", "audio", "function_call"]) mustBeEmpty(field(message, path, key));
  }
  const reasoning = ["reasoning_content", "reasoning", "thinking"].map((key) =>
    field(message, path, key),
  );
  return {
    role: "assistant",
    text: content.value === undefined ? "" : visibleText(content, rules),
    reasoning: shape.agreed(reasoning, (place) => shape.optional(place, shape.string)),
    calls: shape.optional(field(message, path, "tool_calls"), readCalls) ?? [],
  };
}

/** Checks that nothing stands in a field that no prompt shows. */
function mustBeEmpty(place: Place): void {
  const { value } = place;
  if (value !== undefined && value !== null && value !== "") shape.wrong(place, "null");
}

const CALL_KEYS = ["id", "type", "index", "function"] as const;
const FUNCTION_KEYS = ["name", "arguments"] as const;

function checkCall(place: Place, unknown: Unknown): CheckedCall {
  const isEnvelope = (inner: unknown) => inner !== undefined && inner !== null;
  const { object, path } = unwrap(place, isEnvelope, CALL_KEYS, unknown);
  const isFlat = path === place.path;
  const known = isFlat ? [...CALL_KEYS, ...FUNCTION_KEYS] : FUNCTION_KEYS;
  shape.keys(object, path, known, unknown);
  return {
    id: shape.optional(field(shape.object(place), place.path, "id"), shape.string),
    name: shape.name(field(object, path, "name")),
    arguments: checkArguments(field(object, path, "arguments")),
  };
}

/** Reads arguments: an object, JSON text of one, or nothing. */
function checkArguments(place: Place): CheckedCall["arguments"] {
  const { value, path } = place;
  if (value === null) return [];
  if (typeof value !== "string") {
    const entries = entriesOf(shape.object(place));
    checkJson(value, path);
    return entries;
  }
  if (value.trim() === "") return [];
  const parsed = parseJson(value, path);
  if (parsed === null) return [];
  if (typeof parsed === "string")
    throw new TokenizerError(path, "JSON text of an object", "of a string");
  return entriesOf(shape.object({ value: parsed, path }));
}
