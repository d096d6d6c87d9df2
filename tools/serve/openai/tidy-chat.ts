/**
 * The messages and tools of a request, without the keys that no prompt shows.
 *
 * Clients send back what they got from this server and others, with keys of their own. Such a key is
 * left out, and named as the unknown fields of a request are; a part of a content that is not
 * known stays, and is an error.
 * @module
 */
import type { Json, JsonObject } from "../../../tokenizer/chat/index.ts";
import { entriesOf, isJsonObject } from "../../../tokenizer/chat/json-value.ts";
import { ignore } from "../body.ts";
import type { ServeContext, Service } from "../service.ts";

/** Keys that answers have and that no message needs. */
const SILENT = ["annotations", "refusal"];
/** Spellings of the reasoning. */
const REASONING = ["reasoning_content", "reasoning", "thinking"];
/** Keys of messages: those that are read, and those that must be empty. */
const MESSAGE = [
  ...["role", "content", "name", "tool_calls", "tool_call_id", "audio", "function_call"],
  ...[...REASONING, ...SILENT],
];
const CALL = ["id", "type", "index", "function", "name", "arguments"];
const FUNCTION = ["name", "arguments"];
const TEXT = ["type", "text", "annotations", "logprobs", "cache_control"];
const TOOL = ["type", "function", "strict", "cache_control"];

/** Returns the `messages` and `tools` of a body, where they are there. */
export function tidyChat(
  c: ServeContext,
  service: Service,
  json: ReadonlyMap<string, Json>,
): ReadonlyMap<string, Json> {
  const left = new Set<string>();
  const tidy = new Tidy(left);
  const chat = new Map<string, Json>();
  for (const [key, clean] of [
    ["messages", tidy.message],
    ["tools", tidy.tool],
  ] as const) {
    const list = json.get(key);
    if (list !== undefined) chat.set(key, Array.isArray(list) ? list.map(clean) : list);
  }
  ignore(c, service, [...left]);
  return chat;
}

/** Leaves keys out, and remembers which. */
class Tidy {
  readonly #left: Set<string>;

  constructor(left: Set<string>) {
    this.#left = left;
  }

  readonly message = (message: Json): Json => {
    if (!isJsonObject(message)) return message;
    const kept = this.#keep(message, MESSAGE, "messages[]");
    for (const key of SILENT) kept.delete(key);
    // Some clients send all spellings of the reasoning, and text in one of them.
    for (const key of REASONING) if (kept.get(key) === "") kept.delete(key);
    this.#each(kept, "content", (part) => this.#part(part));
    this.#each(kept, "tool_calls", (call) => this.#call(call));
    return kept;
  };

  /** A tool in its envelope; the definition itself is printed whole. */
  readonly tool = (tool: Json): Json => {
    const isEnvelope = isJsonObject(tool) && entriesOf(tool).some(([key]) => key === "function");
    return isEnvelope ? this.#keep(tool, TOOL, "tools[]") : tool;
  };

  #part(part: Json): Json {
    const isText = isJsonObject(part) && entriesOf(part).some(([key]) => key === "text");
    return isText ? this.#keep(part, TEXT, "messages[].content[]") : part;
  }

  #call(call: Json): Json {
    if (!isJsonObject(call)) return call;
    const kept = this.#keep(call, CALL, "messages[].tool_calls[]");
    const inner = kept.get("function");
    if (isJsonObject(inner)) {
      kept.set("function", this.#keep(inner, FUNCTION, "messages[].tool_calls[].function"));
    }
    return kept;
  }

  #each(object: Map<string, Json>, key: string, clean: (item: Json) => Json): void {
    const list = object.get(key);
    if (Array.isArray(list)) object.set(key, list.map(clean));
  }

  #keep(object: JsonObject, known: readonly string[], path: string): Map<string, Json> {
    const kept = new Map<string, Json>();
    for (const [key, value] of entriesOf(object)) {
      if (known.includes(key)) kept.set(key, value);
      else if (value !== null) this.#left.add(`${path}.${key}`);
    }
    return kept;
  }
}
