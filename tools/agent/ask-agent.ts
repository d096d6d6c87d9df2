/**
 * One request of a user, and all that follows: calls, their results, further calls, the answer.
 *
 * Next: toy-tools.ts
 * @module
 */
import type { Chat, Saying, TurnOptions } from "../library/chat.ts";
import type { Turn } from "../library/voice.ts";
import { type CallResult, type RunningTool, resultMessages, runCalls } from "./run-calls.ts";

/** How often the model may call before it must answer, when nobody says it. */
export const MAX_ROUNDS = 8;

/** How a request is followed. */
export interface AgentOptions extends Pick<TurnOptions, "onEvent" | "signal"> {
  /** How often the model may call before its answer; 8 by default. */
  readonly maxRounds?: number | undefined;
  /** Told after each reply, with calls or without. */
  readonly onTurn?: ((turn: Turn) => void) | undefined;
  /** Told of each call that was run. */
  readonly onResult?: ((result: CallResult) => void) | undefined;
}

/** What came of a request. */
export interface AgentAnswer {
  /** The last reply. Where it has calls, the model wanted more rounds than it may have. */
  readonly turn: Turn;
  /** All calls that were run, in their order. */
  readonly results: readonly CallResult[];
}

/**
 * Says something, runs what the model calls, tells it what came of that, and so on until it answers
 * without a call. The conversation must have been begun with the definitions of these tools.
 *
 * @throws as {@link Chat.say} and {@link runCalls}
 */
export async function askAgent(
  chat: Pick<Chat, "say">,
  saying: Saying,
  tools: readonly RunningTool[],
  { maxRounds = MAX_ROUNDS, onEvent, signal, onTurn, onResult }: AgentOptions = {},
): Promise<AgentAnswer> {
  const results: CallResult[] = [];
  let next: Saying = saying;
  for (let round = 0; ; round++) {
    const turn = await chat.say(next, { onEvent, signal });
    onTurn?.(turn);
    if (turn.finishReason !== "stop" || round === maxRounds) return { turn, results };
    const more = await runCalls(turn, tools);
    if (more.length === 0) return { turn, results };
    for (const result of more) onResult?.(result);
    results.push(...more);
    next = resultMessages(more);
  }
}
