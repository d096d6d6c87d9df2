/**
 * How much a model thinks before it speaks, and how a prompt says so.
 *
 * Next: chat.ts
 * @module
 */
import type { ChatRequest } from "../../tokenizer/chat/index.ts";
import type { ChatTemplate } from "./chat-template.ts";

/** How much the model may think before it speaks. */
export const EFFORTS = ["off", "high", "max"] as const;

/** {@inheritDoc EFFORTS} */
export type Effort = (typeof EFFORTS)[number];

/** The settings of a request for a model with this template to think so much. */
export function thinkingOf(
  { format }: ChatTemplate,
  think: Effort,
): Pick<ChatRequest, "enable_thinking" | "reasoning_effort"> {
  if (think === "off") return { enable_thinking: false };
  // A format without efforts thinks, or does not: the most is all that it can.
  const isPlain = format !== undefined && !format.effortLine && think === "max";
  return { enable_thinking: true, ...(!isPlain && { reasoning_effort: think }) };
}
