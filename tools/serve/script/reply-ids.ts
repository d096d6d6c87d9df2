/**
 * The tokens of a reply that is given: what the model would have to choose to say it.
 *
 * A reply in its parts is rendered by the model's own template, as the next message of the conversation;
 * the tokens behind the prompt are the reply. They are read again by the parser, and must give the same
 * parts: what a template would change, or a parser would understand otherwise, is an error.
 *
 * Next: scripted-replies.ts
 * @module
 */
import type { CheckedTool } from "../../../tokenizer/chat/check-tools.ts";
import {
  collectReply,
  type Json,
  type JsonObject,
  type Prompt,
  parseJson,
  promptIds,
  pythonJson,
  type Reply,
  ReplyParser,
} from "../../../tokenizer/chat/index.ts";
import { entriesOf, fieldOf } from "../../../tokenizer/chat/json-value.ts";
import type { ServedModel } from "../desk.ts";
import { ServeError } from "../serve-error.ts";
import type { ScriptEntry, ScriptMessage } from "./script-file.ts";

/** A turn of a conversation that is to be answered. */
export interface ScriptTurn {
  /** The messages and tools. */
  readonly chat: JsonObject;
  /** What the model reads. */
  readonly prompt: Prompt;
  readonly tools: readonly CheckedTool[];
  readonly startsIn: "reasoning" | "content";
}

/** A reply as tokens. */
export interface ReplyIds {
  readonly ids: readonly number[];
  /** Whether a tool is called. */
  readonly hasCalls: boolean;
}

/**
 * Returns the tokens of a reply, without the one that ends it.
 *
 * @throws {ServeError} when the reply cannot be given in this conversation
 */
export function replyIds(model: ServedModel, turn: ScriptTurn, entry: ScriptEntry): ReplyIds {
  const { tokenizer } = model;
  const { reply, where } = entry;
  const isText = reply.kind === "text";
  if (!isText) for (const { name } of reply.calls) checkTool(name, turn, where);
  const ids = isText ? [...tokenizer.encode(reply.text)] : renderedIds(model, turn, entry, reply);
  const { startsIn, chat } = turn;
  const parser = new ReplyParser(tokenizer, { startsIn, tools: fieldOf(chat, "tools") ?? [] });
  const read = collectReply([...ids.flatMap((id) => parser.push(id)), ...parser.end("stop")]);
  for (const { name } of read.unknownCalls) checkTool(name, turn, where);
  if (!isText) checkSame(reply, read, where);
  return { ids, hasCalls: read.calls.length > 0 };
}

/** @throws {ServeError} when the request does not declare the tool */
function checkTool(name: string, { tools }: ScriptTurn, where: string): void {
  if (tools.some((tool) => tool.name === name)) return;
  const names = tools.map((tool) => JSON.stringify(tool.name)).join(", ") || "none";
  throw scriptError(
    where,
    `expected a call of a tool that the request declares (${names}), got one of ${JSON.stringify(name)}`,
    "tools",
  );
}

function renderedIds(
  { tokenizer, template }: ServedModel,
  { chat, prompt }: ScriptTurn,
  { where }: ScriptEntry,
  { content, reasoning, calls }: ScriptMessage,
): number[] {
  const message: JsonObject = {
    ...{ role: "assistant", content, reasoning_content: reasoning },
    ...(calls.length > 0 && {
      tool_calls: calls.map((call) => ({ function: new Map<string, Json>(Object.entries(call)) })),
    }),
  };
  const messages = (fieldOf(chat, "messages") ?? []) as readonly Json[];
  const whole = template.render(
    new Map(entriesOf(chat))
      .set("messages", [...messages, message])
      .set("add_generation_prompt", false),
  );
  const n = prompt.segments.length;
  const goesOn = prompt.segments.every((segment, i) => {
    const other = whole.segments[i];
    return other?.kind === segment.kind && other.text === segment.text;
  });
  if (!goesOn || prompt.segments[n - 1]?.kind !== "control") {
    const hint =
      reasoning === ""
        ? "a reply as text can be given"
        : "there can be reasoning only where the request lets the model think";
    throw scriptError(where, `the chat template does not go on from the prompt to it; ${hint}`);
  }
  const rest: Prompt = { ...whole, segments: whole.segments.slice(n) };
  return [...promptIds(tokenizer, rest, { controlTokensIn: "protocol" })];
}

/** @throws {ServeError} when a parser would tell another reply than the one that is given */
function checkSame(given: ScriptMessage, read: Reply, where: string): void {
  const parts: [string, string, string][] = [
    ["reasoning", given.reasoning, read.reasoning],
    ["content", given.content, read.content],
    ...given.calls.map(({ name, arguments: args }, i): [string, string, string] => {
      const call = read.calls[i];
      const got = call ? `${call.name} ${pythonJson(parseJson(call.json, name))}` : "none";
      return [`calls[${i}]`, `${name} ${pythonJson(args)}`, got];
    }),
  ];
  for (const [part, expected, got] of parts) {
    if (got === expected) continue;
    const what = `the model cannot say ${shown(expected)}, it is read as ${shown(got)}`;
    throw scriptError(`${where}.${part}`, `${what}; a reply as text is given as it stands`);
  }
}

const shown = (text: string): string => JSON.stringify(text).slice(0, 100);

/** What is wrong with a reply of the script, for the one who asked. */
export function scriptError(where: string, what: string, field = "messages"): ServeError {
  return new ServeError("request", `script ${where}`, what, field);
}
