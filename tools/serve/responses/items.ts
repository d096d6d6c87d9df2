/**
 * The items of a request become the messages of a conversation.
 *
 * Next: tools.ts
 * @module
 */
import { mediaReminder } from "../../../tokenizer/chat/check-content.ts";
import {
  type ContentPart,
  type JsonObject,
  type MediaType,
  parseJson,
} from "../../../tokenizer/chat/index.ts";
import { isJsonObject } from "../../../tokenizer/chat/json-value.ts";
import { shown, wrong } from "../body.ts";
import { Conversation, contentOf } from "../conversation.ts";
import { unsealed } from "../sealed-reasoning.ts";
import type { InputItem, InputPart, ResponsesRequest } from "./request.ts";
import { flatName } from "./tools.ts";

/**
 * The conversation that a request holds.
 *
 * @param ignored takes the paths of what no prompt can show
 */
export function conversationOf(
  { instructions, input }: Pick<ResponsesRequest, "instructions" | "input">,
  ignored: string[],
): Conversation {
  const conversation = new Conversation();
  if (instructions) conversation.say("system", instructions);
  if (typeof input === "string") conversation.say("user", input);
  else for (const [i, item] of input.entries()) addItem(conversation, item, `input[${i}]`, ignored);
  return conversation;
}

function addItem(to: Conversation, item: InputItem, path: string, ignored: string[]): void {
  switch (item.type) {
    case "reasoning": {
      const text = reasoningOf(item);
      if (text === undefined) ignored.push(path);
      else to.think(text);
      return;
    }
    case "function_call":
    case "custom_tool_call": {
      const args =
        item.type === "function_call"
          ? argumentsOf(item.arguments, `${path}.arguments`)
          : { input: item.input };
      const name = flatName(item.namespace, item.name);
      to.call({ id: item.call_id, name, arguments: args }, `${path}.call_id`);
      return;
    }
    case "function_call_output":
    case "custom_tool_call_output": {
      const { call_id, output } = item;
      const content = typeof output === "string" ? output : contentOf(output.map(partOf));
      to.result(call_id, content, `${path}.call_id`);
      return;
    }
    case "item_reference":
      wrong(`${path}.type`, "the item itself, which clients send with store: false", item.type);
      break;
    default:
      addMessage(to, item, path, ignored);
  }
}

function addMessage(
  to: Conversation,
  { role, content }: Extract<InputItem, { role: string }>,
  path: string,
  ignored: string[],
): void {
  if (role !== "assistant") {
    to.say(role, typeof content === "string" ? content : contentOf(content.map(partOf)));
  } else if (typeof content === "string") to.answer(content);
  else {
    to.answer(""); // a message without parts is one, too
    for (const [k, part] of content.entries()) {
      const text = textOf(part);
      if (text === undefined) ignored.push(`${path}.content[${k}]`);
      else to.answer(text);
    }
  }
}

/** Reasoning that this server wrote, or that another one shows. */
function reasoningOf(item: Extract<InputItem, { type: "reasoning" }>): string | undefined {
  const { encrypted_content: encrypted, content, summary } = item;
  const ours = encrypted ? unsealed(encrypted) : undefined;
  if (ours !== undefined) return ours;
  const texts = content?.length ? content : (summary ?? []);
  return texts.length > 0 ? texts.map(({ text }) => text).join("\n") : undefined;
}

/** Reads the arguments of a call, which are JSON text of an object; an empty text is an empty one. */
function argumentsOf(text: string, path: string): JsonObject {
  if (text.trim() === "") return {};
  const json = parseJson(text, path);
  if (isJsonObject(json)) return json;
  wrong(path, "JSON text of an object", shown(text));
}

const MEDIA: Readonly<Record<string, MediaType>> = {
  input_image: "input_image",
  input_audio: "input_audio",
  input_video: "video",
};

function partOf(part: InputPart): ContentPart {
  const text = textOf(part);
  return text === undefined ? { type: MEDIA[part.type] ?? "image" } : { type: "text", text };
}

/** The text of a part; undefined for a medium that has a place in the chat format. */
function textOf(part: InputPart): string | undefined {
  switch (part.type) {
    case "input_text":
    case "output_text":
    case "text":
      return part.text;
    case "refusal":
      return part.refusal;
    case "input_file":
      return mediaReminder("file");
    default:
      return undefined;
  }
}
