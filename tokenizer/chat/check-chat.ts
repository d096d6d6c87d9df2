/**
 * Checks a conversation from outside, so that it can be rendered without a doubt.
 *
 * The chat template prints something for nearly every input: a message of an unknown role vanishes,
 * `reasoning_effort: "low"` means Max, and a number as content is printed as a number. Here each of
 * these is either an error or has a defined meaning.
 *
 * Next: check-content.ts
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";
import { type ToolContent, toolContent, visibleText } from "./check-content.ts";
import * as shape from "./json-shape.ts";
import { field, type Place } from "./json-shape.ts";
import { checkJson, entriesOf, type Json, type JsonObject, kindOf } from "./json-value.ts";

/** How strict the check of a conversation is. */
export interface CheckOptions {
  /**
   * What happens to a message of an unknown role: it is an error (the default), or it is left out,
   * as the template does.
   */
  readonly unknownRoles?: "error" | "drop";
}

/** A checked conversation: what the renderer needs, and nothing else. */
export interface CheckedChat {
  readonly messages: readonly CheckedMessage[];
  readonly tools: readonly CheckedTool[];
  /** How long the model may think. Undefined when thinking is off. */
  readonly effort: "High" | "Max" | undefined;
  /** Whether reasoning before the last user message is printed. */
  readonly keepsReasoning: boolean;
  readonly addGenerationPrompt: boolean;
}

/** A checked message. */
export type CheckedMessage =
  | { readonly role: "system" | "user"; readonly text: string }
  | CheckedAssistant
  | { readonly role: "tool"; readonly content: ToolContent }
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
  readonly name: string;
  readonly arguments: readonly (readonly [string, Json])[];
}

/** A checked tool. */
export interface CheckedTool {
  readonly name: string;
  readonly isDeferred: boolean;
  /** The keys that are printed, with their values. */
  readonly entries: readonly (readonly [string, Json])[];
  readonly parameters: JsonObject | undefined;
}

/**
 * Checks a `ChatRequest` of unknown origin: plain objects, or the maps of `parseJson`.
 *
 * @throws {TokenizerError} with the path of the offending field
 */
export function checkChat(request: unknown, options: CheckOptions = {}): CheckedChat {
  const chat = shape.object({ value: request, path: "chat" });
  const { effort, keepsReasoning } = checkThinking(chat);
  return {
    messages: shape.items(field(chat, "", "messages"), (place) => checkMessage(place, options)),
    tools: checkTools(field(chat, "", "tools")),
    effort,
    keepsReasoning,
    addGenerationPrompt:
      shape.optional(field(chat, "", "add_generation_prompt"), shape.boolean) ?? false,
  };
}

/** Checks a list of tools. Where there is no list there are no tools. */
export function checkTools(place: Place): CheckedTool[] {
  return shape.optional(place, () => shape.items(place, checkTool)) ?? [];
}

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

function checkThinking(chat: JsonObject): Pick<CheckedChat, "effort" | "keepsReasoning"> {
  const thinking = field(chat, "", "thinking");
  const other = shape.optional(thinking, checkSwitch);
  const isEnabled = agree(field(chat, "", "enable_thinking"), other?.isEnabled, thinking.path);
  const clears = agree(field(chat, "", "clear_thinking"), other?.clears, thinking.path);
  const effort = shape.optional(field(chat, "", "reasoning_effort"), (place) =>
    shape.oneOf(place, EFFORTS),
  );
  const isOff = isEnabled === false || effort === "none";
  const isMax = effort === undefined || effort === "xhigh" || effort === "max";
  return {
    effort: isOff ? undefined : isMax ? "Max" : "High",
    keepsReasoning: clears === false,
  };
}

function checkSwitch(place: Place): { isEnabled: boolean; clears?: boolean | undefined } {
  if (typeof place.value === "boolean") return { isEnabled: place.value };
  const { value, path } = place;
  if (kindOf(value) !== "an object") shape.wrong(place, "a boolean or an object");
  const object = shape.object(place);
  const type = shape.oneOf(field(object, path, "type"), ["enabled", "disabled"]);
  const clears = shape.optional(field(object, path, "clear_thinking"), shape.boolean);
  return { isEnabled: type === "enabled", clears };
}

/** Returns the value of a switch that may be set in two places, which then must agree. */
function agree(place: Place, other: boolean | undefined, otherPath: string): boolean | undefined {
  if (place.value === undefined) return other;
  const own = place.value !== null && shape.boolean(place); // null is defined, and false
  if (other === undefined || other === own) return own;
  throw new TokenizerError(place.path, `${other}, as ${otherPath} says`, String(place.value));
}

const ROLES = ["system", "user", "assistant", "tool"] as const;

function checkMessage(place: Place, options: CheckOptions): CheckedMessage {
  const { path } = place;
  const message = shape.object(place);
  const rolePlace = field(message, path, "role");
  const content = field(message, path, "content");
  if (options.unknownRoles === "drop" && !isRole(shape.string(rolePlace))) {
    return { role: "dropped" };
  }
  const role = shape.oneOf(rolePlace, ROLES);
  if (role === "assistant") {
    return {
      role,
      text: content.value === undefined ? "" : visibleText(content),
      reasoning: shape.optional(field(message, path, "reasoning_content"), shape.string),
      calls: shape.optional(field(message, path, "tool_calls"), checkCalls) ?? [],
    };
  }
  if (role === "tool") return { role, content: toolContent(content) };
  return { role, text: visibleText(content) };
}

function isRole(role: string): boolean {
  return (ROLES as readonly string[]).includes(role);
}

function checkCalls(place: Place): CheckedCall[] {
  return shape.items(place, (item) => {
    const { object, path } = unwrap(item, (inner) => inner !== undefined && inner !== null);
    const args = field(object, path, "arguments");
    const entries = entriesOf(shape.object(args));
    checkJson(args.value, args.path);
    return { name: shape.name(field(object, path, "name")), arguments: entries };
  });
}

/** Keys of a tool that the template leaves out. */
const NOT_PRINTED: readonly string[] = ["defer_loading", "strict"];

function checkTool(place: Place): CheckedTool {
  const { object, path } = unwrap(place, (inner) => inner !== undefined);
  const get = (key: string) => field(object, path, key);
  shape.optional(get("description"), shape.string);
  shape.optional(get("strict"), shape.boolean);
  checkJson(object, path);
  return {
    name: shape.name(get("name")),
    isDeferred: shape.optional(get("defer_loading"), shape.boolean) ?? false,
    entries: entriesOf(object).filter(([key]) => !NOT_PRINTED.includes(key)),
    parameters: shape.optional(get("parameters"), shape.object),
  };
}

/** Returns what is in the envelope `{ type: "function", function: … }`, or the object itself. */
function unwrap(place: Place, isEnvelope: (inner: unknown) => boolean) {
  const outer = shape.object(place);
  const inner = field(outer, place.path, "function");
  if (!isEnvelope(inner.value)) return { object: outer, path: place.path };
  return { object: shape.object(inner), path: inner.path };
}
