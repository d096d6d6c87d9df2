/**
 * The messages and blocks of a request become the messages of a conversation.
 *
 * Next: ask.ts
 * @module
 */
import { mediaReminder } from "../../../tokenizer/chat/check-content.ts";
import type { ContentPart, Json, ToolMessage } from "../../../tokenizer/chat/index.ts";
import { wrong } from "../body.ts";
import { Conversation, contentOf } from "../conversation.ts";
import { objectAt } from "../json-at.ts";
import { unsealed } from "../sealed-reasoning.ts";
import type { Block, CountRequest, ResultBlock } from "./request.ts";

/** What the first block of some agents begins with. It is another one in every request. */
const BILLING_HEADER = "x-anthropic-billing-header:";

/**
 * The conversation that a request holds.
 *
 * @param json the request as it was written
 * @param ignored takes the paths of what no prompt can show
 */
export function conversationOf(
  { system, messages }: Pick<CountRequest, "system" | "messages">,
  json: Json,
  ignored: string[],
): Conversation {
  const conversation = new Conversation();
  if (typeof system === "string") conversation.say("system", system);
  else if (system) {
    // A line that changes with each request would end all reuse of what was read before.
    const kept = system.filter(({ text }) => !text.startsWith(BILLING_HEADER));
    if (kept.length > 0) conversation.say("system", kept.map(({ text }) => text).join(""));
  }
  for (const [i, { role, content }] of messages.entries()) {
    const path = `messages[${i}].content`;
    const blocks =
      typeof content === "string" ? [{ type: "text", text: content } as const] : content;
    if (role === "assistant") addTurn(conversation, blocks, { json, at: i, path, ignored });
    else addSaid(conversation, role, blocks, { path, ignored });
  }
  if (messages.at(-1)?.role === "assistant") {
    const path = `messages[${messages.length - 1}].role`;
    wrong(path, "a message of the user at the end, because no reply is begun here", "assistant");
  }
  return conversation;
}

/** Where the blocks of a message stand. */
interface Place {
  readonly json: Json;
  readonly at: number;
  readonly path: string;
  readonly ignored: string[];
}

function addTurn(to: Conversation, blocks: readonly Block[], place: Place): void {
  const { json, at, path, ignored } = place;
  to.answer(""); // a message without blocks is one, too
  for (const [k, block] of blocks.entries()) {
    const here = `${path}[${k}]`;
    switch (block.type) {
      case "text":
        to.answer(block.text);
        break;
      case "thinking": {
        const { thinking, signature } = block;
        const text = thinking === "" && signature ? unsealed(signature) : thinking;
        if (text === undefined) ignored.push(here);
        else to.think(text);
        break;
      }
      case "redacted_thinking":
        ignored.push(here);
        break;
      case "tool_use": {
        const input = objectAt(json, "messages", at, "content", k, "input") ?? {};
        to.call({ id: block.id, name: block.name, arguments: input }, `${here}.id`);
        break;
      }
      default:
        wrong(`${here}.type`, "a block of the assistant", block.type);
    }
  }
}

/** Results come before all else, because they belong to the calls before this message. */
function addSaid(
  to: Conversation,
  role: "user" | "system",
  blocks: readonly Block[],
  { path, ignored }: Pick<Place, "path" | "ignored">,
): void {
  if (blocks.length === 0) to.say(role, "");
  let parts: ContentPart[] = [];
  const say = () => {
    if (parts.length > 0) to.say(role, contentOf(parts));
    parts = [];
  };
  for (const [k, block] of blocks.entries()) {
    if (block.type !== "tool_result") continue;
    const { tool_use_id, content, is_error: isError } = block;
    if (isError) ignored.push(`${path}[${k}].is_error`); // the chat format has no place for it
    to.result(tool_use_id, resultOf(content ?? ""), `${path}[${k}].tool_use_id`);
  }
  for (const [k, block] of blocks.entries()) {
    if (block.type === "mid_conv_system") {
      say();
      to.say("system", block.content.map(({ text }) => text).join(""));
    } else if (isSaid(block)) parts.push(...partsOf(block));
    else if (block.type !== "tool_result") {
      wrong(`${path}[${k}].type`, "a block of the user", block.type);
    }
  }
  say();
}

type SaidBlock = Extract<Block, { type: "text" | "image" | "document" | "search_result" }>;

function isSaid(block: Block): block is SaidBlock {
  return ["text", "image", "document", "search_result"].includes(block.type);
}

function resultOf(content: string | readonly ResultBlock[]): ToolMessage["content"] {
  if (typeof content === "string") return content;
  const references = content.flatMap((block) =>
    block.type === "tool_reference" ? [{ type: block.type, name: block.tool_name } as const] : [],
  );
  if (references.length > 0 && references.length === content.length) return references;
  return contentOf(content.flatMap(partsOf));
}

function partsOf(block: SaidBlock | ResultBlock): ContentPart[] {
  switch (block.type) {
    case "text":
      return [textPart(block.text)];
    case "image":
      return [{ type: "image" }];
    case "document":
      return documentParts(block);
    case "search_result":
      return [block.title, block.source, ...block.content.map(({ text }) => text)].map((text) =>
        textPart(`${text}\n`),
      );
    case "tool_reference":
      return [textPart(block.tool_name)];
  }
}

/** A document that is text; another one is none that the model could see. */
function documentParts({ title, context, source }: Extract<Block, { type: "document" }>) {
  const heads = [title, context].flatMap((text) => (text ? [textPart(`${text}\n`)] : []));
  const { type, data, content } = source;
  if (type === "text" && typeof data === "string") return [...heads, textPart(data)];
  if (type !== "content" || !content) return [...heads, textPart(mediaReminder("document"))];
  if (typeof content === "string") return [...heads, textPart(content)];
  return [...heads, ...content.flatMap(partsOf)];
}

function textPart(text: string): ContentPart {
  return { type: "text", text };
}
