/**
 * What the gate of the replies asks for.
 * @module
 */
import type { ChatRequest } from "../../tokenizer/chat/index.ts";
import { TOOLS } from "./conversations.ts";

/** A reply that is asked for. */
export interface ReplyCase {
  readonly name: string;
  readonly chat: ChatRequest;
  readonly maxTokens: number;
  readonly fields?: object;
  /** Whether servers may refuse it. */
  readonly isExtra?: boolean;
}

const user = (content: string) => ({ role: "user", content }) as const;

/** The replies. */
export const CASES: readonly ReplyCase[] = [
  {
    name: "thinking off",
    chat: { messages: [user("Tell me a short story.")], enable_thinking: false },
    maxTokens: 48,
  },
  { name: "thinking on", chat: { messages: [user("What is 2 + 3?")] }, maxTokens: 64 },
  { name: "cut off", chat: { messages: [user("Tell me a story.")] }, maxTokens: 5 },
  {
    name: "tools",
    chat: {
      messages: [user("How warm is it in Köln, for 3 days? Call get_weather.")],
      tools: TOOLS,
      enable_thinking: false,
    },
    maxTokens: 64,
  },
  {
    name: "a call is required",
    chat: {
      messages: [user("How warm is it in Köln, for 3 days?")],
      tools: TOOLS,
      enable_thinking: false,
    },
    maxTokens: 96,
    fields: { tool_choice: "required" },
    isExtra: true,
  },
];

/** Requests that no server can fulfil as they are. */
export const WRONG: readonly { readonly name: string; readonly body: object }[] = [
  { name: "messages that are a text", body: { messages: "hello", max_tokens: 1 } },
  { name: "a negative max_tokens", body: { messages: [user("hi")], max_tokens: -1 } },
  {
    name: "a message without a role",
    body: { messages: [{ content: "hi" }], max_tokens: 1 },
  },
];
