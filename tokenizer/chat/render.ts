/**
 * Renders messages and tools as the prompt that GLM-5.2 was trained on, to the byte. Other models
 * of the family differ in the points that a chat format lists.
 *
 * ```
 * prompt     := [gMASK]<sop> effort? tools? message* generation?
 * effort     := <|system|>Reasoning Effort: (High | Max)                  unless thinking is off
 * tools      := <|system|> TOOLS_HEAD (definition \n)* TOOLS_FOOT         when there are any
 * message    := <|system|> text | <|user|> text | assistant | toolresult
 * assistant  := <|assistant|> <think> reasoning? </think> text call*
 * call       := <tool_call> name (<arg_key> k </arg_key> <arg_value> v </arg_value>)* </tool_call>
 * toolresult := <|observation|>? <tool_response> text </tool_response>    once before a run of them
 * generation := <|assistant|> (<think> | <think></think>)                 the latter: thinking off
 * ```
 *
 * No token ends a message; the next role does. The token that the model samples to stop (`<|user|>`
 * or `<|observation|>`) is the first token of the next message.
 *
 * Next: prompt-ids.ts
 * @see `chat_template.jinja` of GLM-5.2
 * @module
 */
import { type ChatFormat, GLM_5_2 } from "./chat-formats.ts";
import { type CheckedChat, type CheckOptions, checkChat } from "./check-chat.ts";
import type { ToolContent } from "./check-content.ts";
import type { CheckedAssistant, CheckedResult } from "./check-message.ts";
import type { CheckedTool } from "./check-tools.ts";
import type { JsonObject } from "./json-value.ts";
import type { ChatRequest } from "./messages.ts";
import { PromptBuilder, type Segment } from "./prompt-builder.ts";
import { ENDS_LINE, pythonJson, pythonStrip } from "./python-json.ts";

/** A rendered conversation. */
export interface Prompt {
  /** The whole prompt. */
  readonly text: string;
  /** The same text in parts: control tokens, and what lies between them. */
  readonly segments: readonly Segment[];
  /** What the reply begins with. Undefined when the prompt does not ask for a reply. */
  readonly replyStartsIn: "reasoning" | "content" | undefined;
}

/** How a conversation is rendered. */
export interface RenderOptions extends CheckOptions {
  /** Which model's prompt it becomes; the default is GLM-5.2's. */
  readonly format?: ChatFormat;
}

/**
 * Renders a conversation.
 *
 * @param request a typed conversation, or JSON of unknown origin, e.g. from `parseJson`
 * @throws {TokenizerError} with the path of the field that has a wrong shape
 */
export function renderChat(
  request: ChatRequest | JsonObject,
  { format = GLM_5_2, ...options }: RenderOptions = {},
): Prompt {
  const chat = checkChat(request, options, format);
  const out = new PromptBuilder();
  out.control("[gMASK]", "<sop>");
  if (format.effortLine && !chat.isThinkingOff) {
    out.control("<|system|>");
    out.fixed(`Reasoning Effort: ${format.effortLine(chat.effort)}`);
  }
  if (chat.tools.length > 0) addTools(out, chat.tools, format);
  addMessages(out, chat, format);
  if (chat.addGenerationPrompt) {
    out.control("<|assistant|>");
    out.control(...((chat.isThinkingOff ? format.skipped : undefined) ?? ["<think>"]));
  }
  return { text: out.text(), segments: out.segments, replyStartsIn: startOf(chat) };
}

/** What the reply begins with. A last message of the assistant without a prompt is gone on with. */
function startOf({ messages, addGenerationPrompt, isThinkingOff }: CheckedChat) {
  if (addGenerationPrompt) return isThinkingOff ? "content" : "reasoning";
  return messages.at(-1)?.role === "assistant" ? "content" : undefined;
}

const TOOLS_HEAD = `
# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
`;

const TOOLS_FOOT = `</tools>

For each function call, output the function name and arguments within the following XML format:
`;

function addTools(out: PromptBuilder, tools: readonly CheckedTool[], format: ChatFormat): void {
  out.control("<|system|>");
  out.fixed(TOOLS_HEAD);
  for (const tool of tools) {
    if (format.prints === "tool") out.input(`${pythonJson(tool.whole)}\n`);
    else if (!tool.isDeferred) out.input(`${definition(tool)}\n`);
  }
  out.fixed(TOOLS_FOOT);
  out.control("<tool_call>");
  out.fixed("{function-name}");
  for (const n of [1, 2]) {
    out.control("<arg_key>");
    out.fixed(`{arg-key-${n}}`);
    out.control("</arg_key>", "<arg_value>");
    out.fixed(`{arg-value-${n}}`);
    out.control("</arg_value>");
  }
  out.fixed("...");
  out.control("</tool_call>");
}

/** Prints the definition of a tool. Keys are not escaped, because the template prints them so. */
function definition({ entries }: CheckedTool): string {
  return `{${entries.map(([key, value]) => `"${key}": ${pythonJson(value)}`).join(", ")}}`;
}

function addMessages(out: PromptBuilder, chat: CheckedChat, format: ChatFormat): void {
  const { messages, clearsReasoning = format.clearsReasoning } = chat;
  const lastUser = messages.findLastIndex(({ role }) => role === "user");
  for (const [i, message] of messages.entries()) {
    switch (message.role) {
      case "system":
      case "user":
        out.control(`<|${message.role}|>`);
        out.input(message.text);
        break;
      case "assistant":
        addAssistant(out, message, !clearsReasoning || i > lastUser, format);
        break;
      case "tool":
        if (messages[i - 1]?.role !== "tool" || isSplit(message, format)) {
          out.control("<|observation|>");
        }
        addToolContent(out, message.content, chat.tools);
        break;
      case "dropped":
        break;
      default:
        message satisfies never;
    }
  }
}

/** Whether a message holds a list of results, each of which stands alone. */
function isSplit({ content }: CheckedResult, format: ChatFormat): boolean {
  return format.splitsResults && content.kind === "outputs";
}

function addAssistant(
  out: PromptBuilder,
  message: CheckedAssistant,
  showsReasoning: boolean,
  format: ChatFormat,
): void {
  const { text, reasoning } = splitReasoning(message, format);
  const shown = showsReasoning ? reasoning : undefined;
  out.control("<|assistant|>");
  if (!format.stripsReasoning) {
    out.control("<think>");
    out.input(shown ?? "");
  } else if (shown) {
    out.control("<think>");
    out.input(pythonStrip(shown));
  }
  out.control("</think>");
  out.input(pythonStrip(text));
  for (const call of message.calls) {
    out.control("<tool_call>");
    out.input(call.name);
    for (const [key, value] of call.arguments) {
      out.control("<arg_key>");
      out.input(key);
      out.control("</arg_key>", "<arg_value>");
      out.input(typeof value === "string" ? value : pythonJson(value));
      out.control("</arg_value>");
    }
    out.control("</tool_call>");
  }
}

/** Takes the reasoning out of the content, where it stands before the first `</think>`. */
function splitReasoning({ text, reasoning }: CheckedAssistant, format: ChatFormat) {
  const end = text.indexOf("</think>");
  if (reasoning !== undefined || end < 0) return { text, reasoning };
  const before = text.slice(0, end);
  const start = before.lastIndexOf("<think>");
  const thought = start < 0 ? before : before.slice(start + "<think>".length);
  return {
    text: text.slice(text.lastIndexOf("</think>") + "</think>".length),
    reasoning: format.stripsReasoning ? pythonStrip(thought, ENDS_LINE) : thought,
  };
}

function addToolContent(
  out: PromptBuilder,
  content: ToolContent,
  tools: readonly CheckedTool[],
): void {
  if (content.kind === "references") {
    const found = content.names.flatMap((name) => tools.filter((tool) => tool.name === name));
    out.control("<tool_response>");
    out.fixed("<tools>\n");
    for (const tool of found) out.input(`${definition(tool)}\n`);
    out.fixed("</tools>");
    out.control("</tool_response>");
    return;
  }
  for (const text of content.kind === "text" ? [content.text] : content.outputs) {
    out.control("<tool_response>");
    out.input(text);
    out.control("</tool_response>");
  }
}
