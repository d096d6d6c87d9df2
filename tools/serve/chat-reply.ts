/**
 * A turn of a chat: messages become an order, and what happens to it becomes reasoning, content and
 * calls. All APIs of conversations stand on this.
 *
 * Next: openai/chat-completions.ts
 * @module
 */
import type { JsonObject } from "../../tokenizer/chat/index.ts";
import { entriesOf, fieldOf } from "../../tokenizer/chat/json-value.ts";
import { replyStopIds } from "../../tokenizer/chat/reply-tags.ts";
import type { ChatAsk, ChatHappening } from "./chat-ask.ts";
import type { Desk, Order, ServedModel } from "./desk.ts";
import { promptTokens } from "./prompt-tokens.ts";
import { ReplyChoice } from "./reply-choice.ts";
import { replyConstraint, toolsOf } from "./reply-constraint.ts";
import { checkTrace, RowTraces } from "./row-traces.ts";
import type { ScriptTurn } from "./script/reply-ids.ts";
import type { ScriptedReplies } from "./script/scripted-replies.ts";
import { ContextLengthError, ServeError } from "./serve-error.ts";

/**
 * Asks for a turn, and tells what it brings. The first thing is `accepted`: until then, errors say what
 * is wrong with the request. Whoever stops listening, or aborts, gives the order up.
 *
 * @param script replies that are given instead of what the model would say
 * @throws {ServeError} when the turn cannot be taken, or fails; {TokenizerError} for messages or tools
 *   of a wrong shape; the signal's reason when it is aborted
 */
export async function* converse(
  desk: Desk,
  ask: ChatAsk,
  signal?: AbortSignal,
  script?: ScriptedReplies,
): AsyncGenerator<ChatHappening, void> {
  const { model } = desk;
  const order = await orderOf(model, ask);
  signal?.throwIfAborted();
  const scripted = script?.turn(model, order.turn, order.order);
  const ticket = desk.submit(scripted?.order ?? order.order);
  scripted?.isTaken();
  const giveUp = () => ticket.cancel();
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    yield { type: "accepted", promptIds: order.order.ids, startsIn: order.startsIn };
    yield* replies(ask, order, ticket);
    signal?.throwIfAborted();
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", giveUp);
    ticket.cancel();
  }
}

/** An order, and how to read what comes of it. */
interface TakenOrder {
  readonly order: Order;
  readonly turn: ScriptTurn;
  readonly layers: ServedModel["layers"];
  readonly choices: readonly ReplyChoice[];
  readonly startsIn: "reasoning" | "content";
  /** Whether the context, and not the request, says how long a reply may become. */
  readonly isClipped: boolean;
  /** Stop ids of the model, as the protocol has them. */
  readonly ownStops: ReadonlySet<number>;
}

async function orderOf(model: ServedModel, ask: ChatAsk): Promise<TakenOrder> {
  const { tokenizer } = model;
  const { stop, includeStop, ignoreEos } = ask;
  const chat = new Map(entriesOf(ask.chat as JsonObject)).set("add_generation_prompt", true);
  const tools = toolsOf(ask);
  const prompt = model.template.render(chat);
  const startsIn = prompt.replyStartsIn ?? "content";
  const constraint = replyConstraint(ask, tools, startsIn);
  const ids = await promptTokens(tokenizer, prompt);
  const room = roomFor(model, ids.length);
  const ownStops = new Set([...model.eosTokenIds, ...replyStopIds(tokenizer)]);
  const rules = { startsIn, tools: fieldOf(chat, "tools") ?? [], stop, includeStop };
  const { trace } = ask;
  const order: Order = {
    ids,
    maxTokens: Math.min(ask.maxTokens ?? room, room),
    sampling: ask.sampling,
    seed: ask.seed,
    stopIds: [...new Set([...(ignoreEos ? [] : ownStops), ...ask.stopIds])],
    minTokens: ask.minTokens,
    topLogProbs: ask.topLogProbs ?? 0,
    promptLogProbs: false,
    n: ask.n,
    ...(trace && { trace }),
    ...(constraint && { constraint }),
  };
  checkTrace(model.layers, order);
  return {
    order,
    turn: { chat, prompt, tools, startsIn },
    layers: model.layers,
    choices: Array.from({ length: ask.n }, () => new ReplyChoice(tokenizer, rules)),
    startsIn,
    isClipped: ask.maxTokens === undefined || ask.maxTokens > room,
    ownStops,
  };
}

/**
 * Returns how many tokens there is room for after a prompt.
 *
 * @throws {ServeError} when there is none. Agents shorten their conversation when they read this phrase.
 */
export function roomFor({ maxContext }: ServedModel, nPrompt: number): number {
  if (nPrompt < maxContext) return maxContext - nPrompt;
  throw new ContextLengthError(nPrompt, maxContext);
}

async function* replies(
  ask: ChatAsk,
  { order, choices, isClipped, ownStops, layers }: TakenOrder,
  ticket: ReturnType<Desk["submit"]>,
): AsyncGenerator<ChatHappening, void> {
  const promptTokens = order.ids.length;
  const usage = { promptTokens, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 };
  const open = new Set(choices.keys());
  const traces = ask.trace && new RowTraces(layers, ask.trace, order);
  const endOf = (choice: number, reason: "stop" | "length" | "context"): ChatHappening => {
    const meta = traces?.of(choice);
    return { type: "end", choice, ...choices[choice].end(reason), ...(meta && { meta }) };
  };
  for await (const happening of ticket.happenings) {
    traces?.sees(happening);
    if (happening.type === "admitted") {
      usage.cachedTokens = happening.cachedTokens;
      yield { type: "begin", promptTokens, cachedTokens: usage.cachedTokens };
    } else if (happening.type === "token") {
      const { choice, token, isStop } = happening;
      if (!open.has(choice)) continue; // on its way while we ended that reply
      const reply = choices[choice];
      const isReasoning = reply.isThinking;
      const isOwn = ownStops.has(token.id);
      const isRead = isOwn ? !ask.ignoreEos : !isStop || ask.includeStop;
      const events = isRead ? reply.push(token.id) : [];
      usage.completionTokens++;
      if (isReasoning) usage.reasoningTokens++;
      yield { type: "token", choice, token, isReasoning, events };
      if (isStop || !reply.hasEnded) continue;
      ticket.end(choice); // a text of `stop` came, which the desk does not see
      open.delete(choice);
      yield endOf(choice, "stop");
    } else if (happening.type === "end" && open.delete(happening.choice)) {
      yield endOf(happening.choice, reasonOf(happening.reason, isClipped));
    }
  }
  if (open.size > 0) throw new ServeError("failed", "reply", "broke off before its end");
  yield { type: "usage", usage };
}

/** @throws {ServeError} when a reply ended in a way that is none for a client */
function reasonOf(
  reason: "stop" | "length" | "context" | "aborted" | "timeout",
  isClipped: boolean,
): "stop" | "length" | "context" {
  if (reason === "timeout") {
    throw new ServeError("timeout", "reply", "took longer than the server allows");
  }
  if (reason === "aborted") throw new ServeError("failed", "reply", "was given up");
  return reason === "length" && isClipped ? "context" : reason;
}
