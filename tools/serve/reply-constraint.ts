/**
 * What a reply is held to, as the request says it: which tools it must call, and the form of its
 * content.
 *
 * Next: chat-reply.ts
 * @module
 */
import { type CheckedTool, checkTools } from "../../tokenizer/chat/check-tools.ts";
import { type Json, type JsonObject, pythonJson } from "../../tokenizer/chat/index.ts";
import { fieldOf, isJsonObject } from "../../tokenizer/chat/json-value.ts";
import type { CallableTool, ReplySpec, ToolChoice } from "../constrain/grammar.ts";
import type { ChatAsk } from "./chat-ask.ts";
import { ServeError } from "./serve-error.ts";

/**
 * Returns the tools of a request, checked: they have names, and no two have the same.
 *
 * @throws {ServeError} when two tools have one name, {TokenizerError} for another shape
 */
export function toolsOf({ chat }: Pick<ChatAsk, "chat">): readonly CheckedTool[] {
  const tools = checkTools({ value: fieldOf(chat as JsonObject, "tools"), path: "tools" }, "drop");
  const names = new Set<string>();
  for (const [i, { name }] of tools.entries()) {
    if (names.has(name)) {
      const what = `expected a name that no other tool has, got ${JSON.stringify(name)} again`;
      throw new ServeError("request", `tools[${i}]`, what, "tools");
    }
    names.add(name);
  }
  return tools;
}

/**
 * Returns what binds a reply; undefined when nothing does, which costs nothing.
 *
 * @throws {ServeError} when a tool must be called that is not there
 */
export function replyConstraint(
  ask: Pick<ChatAsk, "toolChoice" | "parallel" | "content">,
  tools: readonly CheckedTool[],
  startsIn: ReplySpec["startsIn"],
): ReplySpec | undefined {
  const { parallel, content } = ask;
  const toolChoice = checkChoice(ask.toolChoice, tools);
  const bindsCalls =
    tools.length > 0 && (toolChoice.kind !== "auto" || !parallel || tools.some(isStrict));
  if (!bindsCalls && content === undefined) return undefined;
  return { kind: "reply", startsIn, tools: tools.map(callable), toolChoice, parallel, content };
}

function checkChoice(choice: ToolChoice, tools: readonly CheckedTool[]): ToolChoice {
  if (tools.length === 0) {
    if (choice.kind === "none" || choice.kind === "auto") return { kind: "none" };
    const what = `expected tools, because a call is asked for, got none`;
    throw new ServeError("request", "tool_choice", what, "tool_choice");
  }
  if (choice.kind === "named" && !tools.some(({ name }) => name === choice.name)) {
    const names = tools.map(({ name }) => JSON.stringify(name)).join(", ");
    const got = JSON.stringify(choice.name).slice(0, 60);
    const what = `expected the name of one of the tools ${names.slice(0, 300)}, got ${got}`;
    throw new ServeError("request", "tool_choice", what, "tool_choice");
  }
  return choice;
}

/** Whether a tool asks that its calls have exactly the form of its schema. */
function isStrict({ whole }: CheckedTool): boolean {
  const strict = (value: Json | undefined) =>
    isJsonObject(value) && fieldOf(value, "strict") === true;
  return strict(whole) || (isJsonObject(whole) && strict(fieldOf(whole, "function")));
}

function callable({ name, parameters }: CheckedTool): CallableTool {
  return { name, parameters: parameters && pythonJson(parameters) };
}
