/**
 * Writes a turn as OpenAI's chat completions do: as chunks, one after the other, or as one object. Both are
 * made of the same deltas.
 * @module
 */
import { type OpenAICallDelta, toOpenAIDelta } from "../../../tokenizer/chat/index.ts";
import type { ReplyEvent } from "../../../tokenizer/chat/reply-events.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import type { ChatHappening, ReplyEnd, Usage } from "../chat-ask.ts";
import { callIds } from "../request-ids.ts";
import type { MetaInfo } from "../row-traces.ts";
import { UsageCount } from "../usage-count.ts";
import { type ChatLogProbs, chatLogProbs } from "./log-probs.ts";

/** What all chunks of an answer, and the whole one, begin with. */
export interface ChatHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

/** How a turn is written. */
export interface ChatWireOptions {
  readonly head: ChatHead;
  readonly tokenizer: Tokenizer;
  readonly n: number;
  /** Whether log-probabilities are told. */
  readonly logProbs: boolean;
  /** Whether tokens in log-probabilities are named by their ids. */
  readonly namesIds: boolean;
  /** Whether the ids of prompt and reply are told, too. */
  readonly tokenIds: boolean;
}

/** What a delta says. */
export interface ChatDelta {
  readonly role?: "assistant";
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly reasoning?: string;
  readonly tool_calls?: readonly OpenAICallDelta[];
}

/** One step of one choice. */
export interface ChatStep {
  readonly index: number;
  readonly delta: ChatDelta;
  readonly logprobs: { readonly content: readonly ChatLogProbs[]; readonly refusal: null } | null;
  readonly finish_reason: "stop" | "length" | "tool_calls" | null;
  /** The ids of the tokens that brought it, where they were asked for. */
  readonly token_ids?: readonly number[];
  /** What the layers chose, with the last step, where that was asked for. */
  readonly meta_info?: MetaInfo;
}

/** Turns what happens into steps. */
export class ChatWriter {
  /** The ids of the prompt, once they are known. */
  promptIds: readonly number[] = [];
  /** Whether the model was to think first. */
  thinks = false;
  readonly #count = new UsageCount();
  readonly #options: ChatWireOptions;
  readonly #choices: readonly OpenChoice[];
  #callId: ReturnType<typeof callIds> = callIds([]);

  constructor(options: ChatWireOptions) {
    this.#options = options;
    this.#choices = Array.from({ length: options.n }, () => new OpenChoice());
  }

  /** What it cost until now. */
  get usage(): Usage {
    return this.#count.usage;
  }

  /** The steps that something brings. */
  steps(happening: ChatHappening): ChatStep[] {
    this.#count.take(happening);
    switch (happening.type) {
      case "accepted": {
        const { promptIds, startsIn } = happening;
        this.promptIds = promptIds;
        this.thinks = startsIn === "reasoning";
        this.#callId = callIds(promptIds);
        const delta = { role: "assistant", content: "" } as const;
        return this.#choices.map((_, index) => this.#step(index, delta));
      }
      case "token": {
        const { choice, token, events } = happening;
        const { tokenizer, logProbs, namesIds } = this.#options;
        const open = this.#choices[choice];
        open.ids.push(token.id);
        if (logProbs) open.logProbs.push(chatLogProbs(token, tokenizer, namesIds));
        return this.#deltas(choice, events);
      }
      case "end": {
        const { choice, events, end, meta } = happening;
        const steps = this.#deltas(choice, events);
        const open = this.#choices[choice];
        // The last step says why it ended, and nothing else.
        if (open.hasPending(this.#options)) steps.push(this.#step(choice, { content: "" }));
        const last = { ...this.#step(choice, {}), ...(meta && { meta_info: meta }) };
        return [...steps, { ...last, finish_reason: reasonOf(end, open.hasCall) }];
      }
      case "begin":
      case "usage":
        return [];
    }
  }

  #deltas(choice: number, events: readonly ReplyEvent[]): ChatStep[] {
    const callId = (call: number) => this.#callId(choice, call);
    return events.flatMap((event) => {
      if (event.type === "call-end" && event.isComplete) this.#choices[choice].hasCall = true;
      const delta = toOpenAIDelta(event, { callId });
      if (delta === undefined) return [];
      const { reasoning_content: reasoning } = delta;
      return [this.#step(choice, { ...delta, ...(reasoning !== undefined && { reasoning }) })];
    });
  }

  /** A step, with the log-probabilities of all tokens since the one before. */
  #step(index: number, delta: ChatDelta): ChatStep {
    const { logProbs, ids } = this.#choices[index].take();
    return {
      index,
      delta,
      logprobs: logProbs.length > 0 ? { content: logProbs, refusal: null } : null,
      finish_reason: null,
      ...(this.#options.tokenIds && { token_ids: ids }),
    };
  }
}

/** A choice that grows. */
class OpenChoice {
  /** Log-probabilities and ids of tokens that no step has told yet. */
  logProbs: ChatLogProbs[] = [];
  ids: number[] = [];
  /** Whether a call is complete. */
  hasCall = false;

  hasPending({ tokenIds }: ChatWireOptions): boolean {
    return this.logProbs.length > 0 || (tokenIds && this.ids.length > 0);
  }

  take(): { logProbs: ChatLogProbs[]; ids: number[] } {
    const { logProbs, ids } = this;
    this.logProbs = [];
    this.ids = [];
    return { logProbs, ids };
  }
}

function reasonOf(end: ReplyEnd, hasCall: boolean): "stop" | "length" | "tool_calls" {
  if (end.reason === "stop-text") return hasCall ? "tool_calls" : "stop";
  return end.reason === "context" ? "length" : end.reason;
}

/** What a request cost, as OpenAI writes it. */
export function openAIUsage(usage: Usage) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}
