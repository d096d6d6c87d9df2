/**
 * The voice of a server whose own template makes the prompt and whose own parser reads the reply, over
 * `/v1/chat/completions`. It is for comparison: what differs from endpoint-voice.ts is the server's doing.
 * @module
 */
import {
  collectReply,
  type Message,
  type ReplyEvent,
  type Tool,
} from "../../tokenizer/chat/index.ts";
import { MAX_TOKENS, samplingOf } from "../library/text-session.ts";
import type { Voice, VoiceEnd, VoiceTurn } from "../library/voice.ts";
import { type CallPart, chatPart } from "./chat-part.ts";
import type { Client } from "./client.ts";
import { EndpointError } from "./endpoint-error.ts";
import { refuseConstraint } from "./endpoint-voice.ts";
import { fieldsOf } from "./fields-of.ts";
import type { RemoteModel } from "./remote-model.ts";
import { askedSampling, neutralSampling, openSampling } from "./sampling-fields.ts";

/** The path of chats. */
const PATH = "chat/completions";

/** The voice; see the top of this file. */
export class TemplateVoice implements Voice {
  /** The server decides; if it cannot, it thinks. */
  readonly canSkipThinking = true;
  readonly maxContext: number;
  contextLength = 0;
  readonly #client: Client;
  readonly #model: RemoteModel;

  constructor(client: Client, model: RemoteModel) {
    this.#client = client;
    this.#model = model;
    this.maxContext = model.maxContext;
  }

  async *reply(turn: VoiceTurn): AsyncGenerator<ReplyEvent, VoiceEnd> {
    refuseConstraint(turn);
    const url = this.#client.urlOf(PATH);
    const events: ReplyEvent[] = [];
    const counts = { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 };
    const calls = new Calls(turn.tools);
    let finish: string | undefined;
    const noted = (more: readonly ReplyEvent[]): readonly ReplyEvent[] => {
      events.push(...more);
      return more;
    };
    try {
      for await (const event of this.#client.stream(this.#ask(turn))) {
        const { choices, usage } = fieldsOf(event);
        count(counts, usage);
        const [choice] = Array.isArray(choices) ? choices : [];
        const part = chatPart(choice);
        yield* noted(texts(part.reasoning, part.content));
        yield* noted(part.calls.flatMap((call) => calls.add(call, url)));
        finish = part.finish ?? finish;
      }
    } catch (error) {
      if (!turn.signal?.aborted) throw error;
      finish = "aborted";
    }
    if (finish === undefined) {
      throw new EndpointError("unreadable", url, "the reply broke off: its end was not told");
    }
    const finishReason = finish === "length" || finish === "aborted" ? finish : "stop";
    const isWhole = finishReason === "stop";
    const reason = isWhole && calls.n > 0 ? "tool_calls" : isWhole ? "stop" : "length";
    const last = noted([
      ...calls.end(isWhole),
      { type: "finish", reason, isThinking: events.at(-1)?.type === "reasoning" },
    ]);
    this.contextLength = counts.prompt_tokens + counts.completion_tokens;
    return {
      ...{ reply: collectReply(events), last, finishReason },
      promptTokens: counts.prompt_tokens,
      replyTokens: counts.completion_tokens,
      reusedTokens: counts.cached_tokens,
    };
  }

  #ask({ messages, tools, think, maxTokens = MAX_TOKENS, seed = 0, ...turn }: VoiceTurn) {
    const sampling = samplingOf(this.#model.sampling, turn);
    const body = {
      messages: withCallIds(messages),
      ...(tools && { tools: tools.map(asFunction) }),
      ...{ max_tokens: maxTokens, seed, stream: true },
      ...openSampling(sampling),
      ...askedSampling(sampling),
      ...(think !== "off" && { reasoning_effort: think }),
      chat_template_kwargs: { enable_thinking: think !== "off", clear_thinking: false },
    };
    const extras = [{ stream_options: { include_usage: true } }, neutralSampling(sampling)];
    const hidden = messages.map(({ content }) => (typeof content === "string" ? content : ""));
    const cost = { tokensIn: 0, tokensOut: maxTokens };
    return { path: PATH, body, extras, hidden, ...cost, signal: turn.signal };
  }

  /** Nothing is kept here. */
  close(): void {}
}

function texts(reasoning: string, content: string): ReplyEvent[] {
  const events: ReplyEvent[] = [];
  if (reasoning !== "") events.push({ type: "reasoning", text: reasoning });
  if (content !== "") events.push({ type: "content", text: content });
  return events;
}

function count(counts: Record<string, number>, usage: unknown): void {
  const { prompt_tokens_details: details, ...told } = fieldsOf(usage);
  for (const [name, n] of Object.entries({ ...told, ...fieldsOf(details) })) {
    if (name in counts && typeof n === "number") counts[name] = n;
  }
}

/** The calls of one reply, one after the other. */
class Calls {
  /** How many there are. */
  n = 0;
  readonly #names: readonly string[] | undefined;
  /** The one that goes on. */
  #open:
    | { readonly at: number; readonly call: number; readonly name: string; json: string }
    | undefined;

  constructor(tools: readonly Tool[] | undefined) {
    this.#names = tools?.map((tool) => ("function" in tool ? tool.function.name : tool.name));
  }

  /** Takes a part of one, and gives its events. @throws {EndpointError} for a part of one before */
  add({ at, name, arguments: args }: CallPart, url: string): ReplyEvent[] {
    const events: ReplyEvent[] = [];
    if (this.#open?.at !== at) {
      if (name === "") {
        throw new EndpointError("unreadable", url, `expected the name of call ${at}, got none`);
      }
      events.push(...this.end(true));
      this.#open = { at, call: this.n++, name, json: "" };
      if (this.#isKnown(name)) events.push({ type: "call", call: this.#open.call, name });
    }
    const json = typeof args === "string" ? args : args === undefined ? "" : JSON.stringify(args);
    const open = this.#open;
    open.json += json;
    if (json !== "" && this.#isKnown(open.name)) {
      events.push({ type: "arguments", call: open.call, json });
    }
    return events;
  }

  /** The event at the end of the open call, if there is one. */
  end(isWhole: boolean): ReplyEvent[] {
    if (!this.#open) return [];
    const { call, name, json } = this.#open;
    this.#open = undefined;
    const given = objectIn(json);
    const told = { arguments: given ?? {}, json, isComplete: isWhole && given !== undefined };
    if (this.#isKnown(name)) return [{ type: "call-end", call, ...told }];
    return [{ type: "unknown-tool", name, ...told }];
  }

  #isKnown(name: string): boolean {
    return this.#names?.includes(name) ?? true;
  }
}

function objectIn(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json === "" ? "{}" : json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** OpenAI's form: each call has an id, and each result names the call that it answers. */
function withCallIds(messages: readonly Message[]): readonly object[] {
  const open: string[] = [];
  let n = 0;
  return messages.map((message) => {
    if (message.role === "assistant" && message.tool_calls) {
      open.length = 0;
      const calls = message.tool_calls.map((call) => {
        const id = `call_${n++}`;
        open.push(id);
        return { ...call, type: "function", id };
      });
      return { ...message, tool_calls: calls };
    }
    if (message.role !== "tool") return message;
    return { ...message, tool_call_id: open.shift() ?? `call_${n}` };
  });
}

/** OpenAI's form of a tool. */
function asFunction(tool: Tool): object {
  return "function" in tool ? tool : { type: "function", function: tool };
}
