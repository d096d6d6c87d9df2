/**
 * Renders a conversation with a template engine, for a chat template that is not known here.
 *
 * The result is a prompt like that of the known templates: its control tokens are those that the
 * template itself has written. To tell these from what a message spells out, the spelling is broken
 * up in the messages before they are rendered, with a character that occurs nowhere else, and made
 * whole afterwards. The replies of the model are left as they are, because templates look for
 * `</think>` in them.
 *
 * Next: chat-template.ts
 * @module
 */
import { ArgumentError } from "../../engine/index.ts";
import {
  type ChatRequest,
  type Json,
  type JsonObject,
  type Prompt,
  parseJson,
  type Segment,
  toPlain,
} from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";

/** Compiles a template. */
export interface TemplateEngine {
  (text: string): CompiledTemplate;
  /** The name of the engine, for people. */
  readonly about: string;
}

/** A template that can be rendered with variables, as HF transformers does. */
export type CompiledTemplate = (variables: Readonly<Record<string, unknown>>) => string;

/** Private characters, one of which is in no message. */
const MARKS = ["\uf8ff", "\uf8fe", "\uf8fd", "\uf8fc"] as const;

/** Returns the renderer for a compiled template. */
export function jinjaPrompt(
  template: CompiledTemplate,
  tokenizer: Tokenizer,
): (request: ChatRequest | JsonObject) => Prompt {
  const spellings = tokenizer.addedTokens.map(({ content }) => content);
  return (request) => {
    const plain = variablesOf(request);
    const all = JSON.stringify(plain);
    const mark = MARKS.find((char) => !all.includes(char));
    if (mark === undefined) {
      throw new ArgumentError(
        "messages",
        `expected none with all of ${MARKS.length} private characters`,
      );
    }
    const guard = (value: unknown): unknown => guarded(value, spellings, mark);
    const { messages, tools } = plain;
    const variables = {
      tools: null,
      ...plain,
      messages: messages.map((message) =>
        message.role === "assistant" ? message : guard(message),
      ),
      ...(tools !== undefined && { tools: guard(tools) }),
    };
    return promptOf(run(template, variables), spellings, mark);
  };
}

function run(template: CompiledTemplate, variables: Readonly<Record<string, unknown>>): string {
  try {
    return template(variables);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ArgumentError("chat template", `expected a conversation that it renders: ${why}`);
  }
}

interface Variables {
  readonly messages: readonly { readonly role?: unknown; readonly [key: string]: unknown }[];
  readonly tools?: unknown;
}

/** The request as a template expects it: arguments are objects, settings stand by themselves. */
function variablesOf(request: ChatRequest | JsonObject): Variables {
  const { chat_template_kwargs, ...plain } = toPlain(request as Json) as Record<string, unknown>;
  const { messages } = plain;
  if (!Array.isArray(messages)) throw new ArgumentError("messages", "expected an array");
  return {
    ...plain,
    ...(chat_template_kwargs as object | undefined),
    messages: messages.map(withObjects),
  };
}

function withObjects(message: unknown): Variables["messages"][number] {
  if (typeof message !== "object" || message === null) {
    throw new ArgumentError("messages", "expected objects");
  }
  const { tool_calls } = message as { tool_calls?: unknown };
  if (!Array.isArray(tool_calls)) return { ...message };
  return { ...message, tool_calls: tool_calls.map(withObject) };
}

function withObject(call: Record<string, unknown>): unknown {
  const { function: inner } = call;
  if (typeof inner === "object" && inner !== null) {
    return { ...call, function: withObject(inner as Record<string, unknown>) };
  }
  const { arguments: args } = call;
  if (typeof args !== "string") return call;
  const text = args.trim();
  const value = text === "" || text === "null" ? {} : toPlain(parseJson(text, "arguments"));
  return { ...call, arguments: value };
}

/** Breaks up each spelling of a control token in the strings of a value, after its first letter. */
function guarded(value: unknown, spellings: readonly string[], mark: string): unknown {
  if (typeof value === "string") {
    let text = value;
    for (const spelling of spellings) {
      text = text.replaceAll(spelling, `${spelling.slice(0, 1)}${mark}${spelling.slice(1)}`);
    }
    return text;
  }
  if (Array.isArray(value)) return value.map((item) => guarded(item, spellings, mark));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [
    guarded(key, spellings, mark),
    guarded(item, spellings, mark),
  ]);
  return Object.fromEntries(entries);
}

/** Splits a rendered text at the control tokens that the template wrote. */
function promptOf(rendered: string, spellings: readonly string[], mark: string): Prompt {
  const whole = (text: string) => text.replaceAll(mark, "");
  const longestFirst = [...spellings].sort((a, b) => b.length - a.length);
  const pattern = longestFirst.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const segments = rendered
    .split(new RegExp(`(${pattern})`))
    .map((text, i): Segment => {
      return i % 2 === 1 ? { kind: "control", text } : { kind: "input", text: whole(text) };
    })
    .filter(({ text }) => text !== "");
  const end = rendered.trimEnd();
  const replyStartsIn = end.endsWith("<think>") ? "reasoning" : "content";
  return { text: whole(rendered), segments, replyStartsIn };
}
