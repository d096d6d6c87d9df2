/**
 * Checks a conversation from outside, so that it can be rendered without a doubt.
 *
 * The chat template prints something for nearly every input: a message of an unknown role vanishes,
 * `reasoning_effort: "low"` means Max, and a number as content is printed as a number. Here each of
 * these is either an error or has a defined meaning. Nothing that was given is left out in silence.
 *
 * Next: check-tools.ts
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";
import { type ChatFormat, GLM_5_2 } from "./chat-formats.ts";
import { type CheckedMessage, checkMessage } from "./check-message.ts";
import { type CheckedTool, checkTools } from "./check-tools.ts";
import * as shape from "./json-shape.ts";
import { field, type Place, type Unknown } from "./json-shape.ts";
import { type JsonObject, kindOf } from "./json-value.ts";
import type { ReasoningEffort } from "./messages.ts";
import { orderResults } from "./tool-results.ts";

/** How strict the check of a conversation is. */
export interface CheckOptions {
  /**
   * What happens to a key or a part that the template has no place for: it is an error (the
   * default), or it is left out, as the template does.
   */
  readonly unknown?: Unknown;
  /** The same for a message of an unknown role; the default is what `unknown` says. */
  readonly unknownRoles?: Unknown;
}

/** A checked conversation: what the renderer needs, and nothing else. */
export interface CheckedChat {
  readonly messages: readonly CheckedMessage[];
  readonly tools: readonly CheckedTool[];
  /** How long the model may think. Undefined where it was not said. */
  readonly effort: ReasoningEffort | undefined;
  /** Whether thinking was switched off. */
  readonly isThinkingOff: boolean;
  /** Whether reasoning before the last user message is left out. Undefined where it was not said. */
  readonly clearsReasoning: boolean | undefined;
  readonly addGenerationPrompt: boolean;
}

const CHAT_KEYS = [
  ...["messages", "tools", "enable_thinking", "reasoning_effort", "clear_thinking"],
  ...["add_generation_prompt", "thinking", "chat_template_kwargs"],
] as const;

/** Keys of a request to a server that say how the reply is made, and that no prompt depends on. */
const SERVER_KEYS = [
  ...["model", "stream", "stream_options", "n", "seed", "stop", "user", "metadata", "store"],
  ...["temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens"],
  ...["frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "logprobs"],
  ...["top_logprobs", "tool_choice", "parallel_tool_calls", "response_format", "service_tier"],
  ...["do_sample", "safety_identifier", "prompt_cache_key", "verbosity", "request_id"],
] as const;

/**
 * Checks a `ChatRequest` of unknown origin: plain objects, or the maps of `parseJson`.
 *
 * @throws {TokenizerError} with the path of the offending field
 */
export function checkChat(
  request: unknown,
  options: CheckOptions = {},
  format: ChatFormat = GLM_5_2,
): CheckedChat {
  const { unknown = "error", unknownRoles = unknown } = options;
  const { media, splitsResults } = format;
  const chat = shape.object({ value: request, path: "chat" });
  shape.keys(chat, "", [...CHAT_KEYS, ...SERVER_KEYS], unknown);
  const kwargs = shape.optional(field(chat, "", "chat_template_kwargs"), shape.object) ?? {};
  shape.keys(kwargs, "chat_template_kwargs", KWARGS, unknown);
  const messages = shape.items(field(chat, "", "messages"), (place) =>
    checkMessage(place, { unknown, unknownRoles, media, splitsResults }),
  );
  return {
    messages: orderResults(messages),
    tools: checkTools(field(chat, "", "tools"), unknown),
    ...checkThinking(chat, kwargs, format),
    addGenerationPrompt:
      shape.optional(field(chat, "", "add_generation_prompt"), shape.boolean) ?? false,
  };
}

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
const KWARGS = ["enable_thinking", "thinking", "clear_thinking", "reasoning_effort"] as const;

/** What the settings of thinking say together. Each may stand in several places. */
function checkThinking(chat: JsonObject, kwargs: JsonObject, format: ChatFormat) {
  const places = (key: string) => [
    field(chat, "", key),
    field(kwargs, "chat_template_kwargs", key),
  ];
  const switches = places("thinking");
  const enabled = [
    ...switches.map((place) => ({ ...place, value: checkSwitch(place)?.isEnabled })),
    ...places("enable_thinking"),
  ];
  const clears = [
    ...switches.map((place) => ({ ...place, value: checkSwitch(place)?.clears })),
    ...places("clear_thinking"),
  ];
  const effort = shape.agreed(places("reasoning_effort"), (place) =>
    shape.optional(place, checkEffort),
  );
  const isThinkingOff = shape.agreed(enabled, isSet) === false || effort === "none";
  if (isThinkingOff && format.skipped === undefined) {
    const where = effort === "none" ? "reasoning_effort" : "enable_thinking";
    throw new TokenizerError(where, `thinking, which ${format.name} cannot be without`, "off");
  }
  if (effort !== undefined && effort !== "none" && format.effortLine === undefined) {
    throw new TokenizerError("reasoning_effort", `none, as ${format.name} has no efforts`, effort);
  }
  return {
    effort,
    isThinkingOff,
    clearsReasoning: shape.agreed(clears, isSet),
  };
}

/** Reads an effort, in upper or lower case. */
function checkEffort(place: Place): ReasoningEffort {
  const text = shape.string(place);
  const value = EFFORTS.find((effort) => effort === text.toLowerCase());
  return value ?? shape.oneOf(place, EFFORTS);
}

/** Reads a switch of the template, for which null is defined, and false. */
function isSet(place: Place): boolean | undefined {
  if (place.value === undefined) return undefined;
  return place.value !== null && shape.boolean(place);
}

function checkSwitch(
  place: Place,
): { isEnabled: boolean; clears: boolean | undefined } | undefined {
  const { value, path } = place;
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return { isEnabled: value, clears: undefined };
  if (kindOf(value) !== "an object") shape.wrong(place, "a boolean or an object");
  const object = shape.object(place);
  shape.keys(object, path, ["type", "clear_thinking", "budget_tokens"], "error");
  const type = shape.oneOf(field(object, path, "type"), ["enabled", "disabled"]);
  const clears = shape.optional(field(object, path, "clear_thinking"), shape.boolean);
  return { isEnabled: type === "enabled", clears };
}
