/**
 * Conversations in which the model calls tools that run here.
 *
 * ```ts
 * import { open } from "glm52.ts/node";
 * import { askAgent, toyTools } from "glm52.ts/agent";
 *
 * const glm = await open();
 * const tools = toyTools();
 * const chat = glm.chat({ tools: tools.map(({ definition }) => definition) });
 * const { turn } = await askAgent(chat, "What is 12 plus 30?", tools);
 * ```
 *
 * It needs no Node, so it runs in a browser, too.
 * @module glm52.ts/agent
 */
export { type AgentAnswer, type AgentOptions, askAgent, MAX_ROUNDS } from "./ask-agent.ts";
export {
  type CallResult,
  definitionOf,
  type RunningTool,
  resultMessages,
  runCalls,
  ToolError,
} from "./run-calls.ts";
export { type ToyToolOptions, toyTools } from "./toy-tools.ts";
