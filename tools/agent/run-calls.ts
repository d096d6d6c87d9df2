/**
 * Runs the calls of a reply, and makes the messages of their results.
 *
 * What goes wrong in a tool is a result, too: `error: …`. The model reads it and may try again; that is how
 * it was trained.
 *
 * Next: ask-agent.ts
 * @module
 */
import { isExplained } from "../../engine/index.ts";
import type {
  CallArguments,
  Reply,
  ReplyCall,
  Tool,
  ToolDefinition,
  ToolMessage,
} from "../../tokenizer/chat/index.ts";

/** A tool that runs. */
export interface RunningTool {
  /** What the model reads of it. */
  readonly definition: Tool;
  /** Does what a call asks for, and returns a text for the model. What it throws becomes an error there. */
  run(args: CallArguments): string | Promise<string>;
}

/** A call that was run. */
export interface CallResult {
  /** What the model called. */
  readonly call: ReplyCall;
  /** What the model reads. */
  readonly content: string;
}

/** Wrong arguments, or another reason to tell the model that a call has failed. */
export class ToolError extends Error {
  /** Tells it from other errors. */
  override readonly name = "ToolError";
}

/** What stands before the reason of a failed call. */
const FAILED = "error: ";

/** The definition, without its envelope. */
export function definitionOf(tool: Tool): ToolDefinition {
  return "function" in tool ? tool.function : tool;
}

/**
 * Runs the calls of a reply, one after the other. Calls that broke off are left out, as they are of the
 * conversation.
 *
 * @throws what a tool throws, if it is a mistake of the program: neither a {@link ToolError} nor an error
 *   that explains itself
 */
export async function runCalls(
  { calls }: Pick<Reply, "calls">,
  tools: readonly RunningTool[],
): Promise<readonly CallResult[]> {
  const results: CallResult[] = [];
  for (const call of calls.filter(({ isComplete }) => isComplete)) {
    const tool = tools.find(({ definition }) => definitionOf(definition).name === call.name);
    results.push({ call, content: tool ? await ran(tool, call) : `${FAILED}no such tool` });
  }
  return results;
}

/** The messages that tell the model what came of its calls. */
export function resultMessages(results: readonly CallResult[]): readonly ToolMessage[] {
  return results.map(({ content }) => ({ role: "tool", content }));
}

async function ran(tool: RunningTool, { arguments: args }: ReplyCall): Promise<string> {
  try {
    return await tool.run(args);
  } catch (error) {
    if (error instanceof ToolError || isExplained(error)) return FAILED + error.message;
    throw error;
  }
}
