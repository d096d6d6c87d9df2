/**
 * The six toy tools of the demo model: their definitions, which stand in the prompt. The model was
 * trained with them, and with tools of other names; `dialogues.ts` says how.
 *
 * Next: dialogues.ts
 * @module
 */
import type { Envelope, PlainObject, ToolDefinition } from "../../tokenizer/chat/index.ts";

/** A tool as the dialogues offer it. */
export type OfferedTool = Envelope<ToolDefinition>;

/** The name of a toy tool. */
export type DemoToolName = "add" | "look_up" | "remember" | "recall" | "pick" | "now";

/** Returns a definition with these parameters. */
export function defineTool(
  name: string,
  description: string,
  properties: PlainObject,
): OfferedTool {
  const parameters = { type: "object", properties };
  return { type: "function", function: { name, description, parameters } };
}

const TEXT = { type: "string" };
const NUMBER = { type: "number" };

/** The definitions of the toy tools. */
export const DEMO_TOOLS: Readonly<Record<DemoToolName, OfferedTool>> = {
  add: defineTool("add", "Add two numbers", { a: NUMBER, b: NUMBER }),
  look_up: defineTool("look_up", "Tell what a word means", { word: TEXT }),
  remember: defineTool("remember", "Keep a note", {
    note: { type: "object", properties: { name: TEXT, value: TEXT } },
  }),
  recall: defineTool("recall", "Find a note", { name: TEXT }),
  pick: defineTool("pick", "Pick one word", {
    words: { type: "array", items: TEXT },
    first: { type: "boolean" },
  }),
  now: defineTool("now", "Tell the time", {}),
};
