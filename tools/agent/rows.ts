/**
 * Dialogues as rows of tokens with the weight of each token's loss. The prompt is rendered by the chat
 * template and cut into tokens like any prompt, so that the model sees in training what it sees in use.
 *
 * Next: write-rows.ts
 * @module
 */
import {
  type ChatRequest,
  type Message,
  promptIds,
  renderChat,
} from "../../tokenizer/chat/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Dialogue } from "./dialogue.ts";
import { thought } from "./thoughts.ts";

/** Tokens, and the weight of each as a target. */
export interface Row {
  readonly ids: readonly number[];
  readonly weights: readonly number[];
}

/** One of a dialogue's replies of the model: what stands before it, and what it has to be. */
export interface Turn {
  readonly before: readonly Message[];
  readonly reply: Message & { readonly role: "assistant" };
}

/** Returns all replies of a dialogue, in order. */
export function turns({ exchanges, effort }: Dialogue): Turn[] {
  const out: Turn[] = [];
  const messages: Message[] = [];
  for (const exchange of exchanges) {
    messages.push({ role: "user", content: exchange.request });
    for (let step = 0; step <= exchange.steps.length; step++) {
      const calls = exchange.steps.at(step)?.calls ?? [];
      const reasoning = thought(exchange, step, effort);
      const reply = {
        role: "assistant" as const,
        content: calls.length > 0 ? "" : exchange.answer,
        ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
        ...(calls.length > 0 && {
          tool_calls: calls.map(({ name, arguments: given }) => ({
            function: { name, arguments: { ...given } },
          })),
        }),
      };
      out.push({ before: [...messages], reply });
      messages.push(reply);
      for (const content of exchange.steps.at(step)?.results ?? [])
        messages.push({ role: "tool", content });
    }
  }
  return out;
}

/** Returns the request for a dialogue's reply. */
export function requestOf(
  { effort, keepsThoughts, tools }: Dialogue,
  messages: readonly Message[],
): ChatRequest {
  return {
    messages,
    tools,
    ...(effort === "off" ? { enable_thinking: false } : { reasoning_effort: effort }),
    clear_thinking: !keepsThoughts,
    add_generation_prompt: true,
  };
}

/** The weight of a token inside an argument of a call, where copies must be exact. */
const ARGUMENT_WEIGHT = 2;

/** Makes the row of a dialogue up to one of its replies. Earlier replies count in the loss, too. */
export function rowOf(tokenizer: Tokenizer, dialogue: Dialogue, turn: Turn): Row {
  const request = requestOf(dialogue, turn.before);
  const prompt = promptIds(tokenizer, renderChat(request));
  // The reply alone is what the template adds for it after the generation prompt.
  const whole = renderChat({
    ...request,
    clear_thinking: false,
    messages: [turn.reply],
    tools: null,
    add_generation_prompt: false,
  });
  const said = tokenizer.encode(
    whole.text.slice(whole.text.lastIndexOf("<|assistant|>") + "<|assistant|>".length),
  );
  const id = (name: string): number => tokenizer.encode(name)[0];
  const [think, endThink] = [id("<think>"), id("</think>")];
  const thinks = dialogue.effort !== "off";
  const reply = Array.from(said);
  while (reply.length > 0 && (reply[0] === think || (!thinks && reply[0] === endThink)))
    reply.shift();
  const stop = turn.reply.tool_calls ? id("<|observation|>") : id("<|user|>");
  const ids = [...prompt, ...reply, stop];
  return { ids, weights: weightsOf(ids, id) };
}

/** The weights: what the assistant says, and the token that ends it, count; what the template adds does not. */
function weightsOf(ids: readonly number[], id: (name: string) => number): number[] {
  const roles = ["<|system|>", "<|user|>", "<|observation|>", "<|assistant|>"].map(id);
  const [assistant, think, endThink] = [roles[3], id("<think>"), id("</think>")];
  const [opens, closes] = [id("<arg_value>"), id("</arg_value>")];
  let isReply = false;
  let isArgument = false;
  return ids.map((token, i) => {
    if (token === closes) isArgument = false;
    const isForced =
      token === think || (token === endThink && [assistant, think].includes(ids[i - 1]));
    const weight = !isReply || isForced ? 0 : isArgument ? ARGUMENT_WEIGHT : 1;
    if (token === opens) isArgument = true;
    if (roles.includes(token)) isReply = token === assistant;
    return weight;
  });
}
