/**
 * What was said last in a conversation.
 * @module
 */
import type { Json, JsonObject } from "../../../tokenizer/chat/index.ts";
import { fieldOf, isJsonObject } from "../../../tokenizer/chat/json-value.ts";

/** The text of the last message, whoever said it; the parts of a content one after the other. */
export function lastText(chat: JsonObject): string {
  const messages = fieldOf(chat, "messages");
  const last = Array.isArray(messages) ? messages.at(-1) : undefined;
  const content = isJsonObject(last) ? fieldOf(last, "content") : undefined;
  return Array.isArray(content) ? content.map(textOf).join("") : textOf(content);
}

function textOf(part: Json | undefined): string {
  if (typeof part === "string") return part;
  if (!isJsonObject(part)) return "";
  return textOf(fieldOf(part, "text") ?? fieldOf(part, "output"));
}
