/**
 * A turn becomes a response, and the events of a stream on the way. A stream and an answer in one piece
 * are the same, because the last event holds the response.
 *
 * Next: responses.ts
 * @module
 */
import type { ReplyEvent } from "../../../tokenizer/chat/index.ts";
import { type ChatHappening, isWhole, type ReplyEnd, type Usage } from "../chat-ask.ts";
import type { ChatLogProbs } from "../openai/log-probs.ts";
import { callIds } from "../request-ids.ts";
import { UsageCount } from "../usage-count.ts";
import { Output, type OutputRules } from "./output.ts";
import type {
  Echo,
  ResponseEvent,
  ResponseObject,
  ResponseUsage,
  UnnumberedEvent,
} from "./shapes.ts";
import type { SpokenLogProbs } from "./spoken-log-probs.ts";

/** How a response is written. */
export interface ResponseRules extends OutputRules {
  readonly id: string;
  readonly echo: Echo;
  /** Seconds since 1970. */
  now(): number;
  /** Gives log-probabilities of the text; undefined where none are wanted. */
  readonly logProbs: SpokenLogProbs | undefined;
}

/** Why a response failed. */
export interface ResponseError {
  readonly code: string;
  readonly message: string;
}

/** Writes one response. */
export class ResponseWriter {
  readonly #rules: ResponseRules;
  readonly #output: Output;
  readonly #createdAt: number;
  readonly #count = new UsageCount();
  #state: Partial<ResponseObject> = {};
  #end: ReplyEnd | undefined;
  #nEvents = 0;

  constructor(rules: ResponseRules) {
    this.#rules = rules;
    this.#output = new Output(rules);
    this.#createdAt = rules.now();
  }

  /** What it cost until now. */
  get usage(): Usage {
    return this.#count.usage;
  }

  /** The response as it is now. */
  get response(): ResponseObject {
    return {
      id: this.#rules.id,
      object: "response",
      created_at: this.#createdAt,
      completed_at: null,
      status: "in_progress",
      incomplete_details: null,
      error: null,
      output: this.#output.items,
      usage: null,
      previous_response_id: null,
      truncation: "disabled",
      store: false,
      background: false,
      service_tier: "default",
      ...this.#rules.echo,
      ...this.#state,
    };
  }

  /** Takes what happens next, and returns the events that tell it. */
  take(happening: ChatHappening): ResponseEvent[] {
    this.#count.take(happening);
    switch (happening.type) {
      case "accepted": {
        const idOf = callIds(happening.promptIds);
        this.#output.callId = (call) => idOf(0, call);
        return [this.#about("response.created"), this.#about("response.in_progress")];
      }
      case "token": {
        const logProbs = this.#rules.logProbs?.take(happening) ?? [];
        return this.#items(happening.events, logProbs);
      }
      case "end": {
        const { events, end } = happening;
        this.#end = end;
        return [
          ...this.#items(events, this.#rules.logProbs?.rest() ?? []),
          ...this.#numbered(this.#output.end(isWhole(end) ? "completed" : "incomplete")),
        ];
      }
      case "usage":
        return [this.#finish(usageOf(happening.usage))];
      case "begin":
        return [];
    }
  }

  /** Ends a response that failed on its way: a client that gets no last event waits for one. */
  fail(error: ResponseError): ResponseEvent[] {
    const closed = this.#numbered(this.#output.end("incomplete"));
    this.#state = { status: "failed", error };
    return [...closed, this.#about("response.failed")];
  }

  /** The events of what a reply brings; the log-probabilities belong to its first text. */
  #items(events: readonly ReplyEvent[], logProbs: readonly ChatLogProbs[]): ResponseEvent[] {
    const first = events.findIndex(({ type }) => type === "content");
    return events.flatMap((event, i) =>
      this.#numbered(this.#output.take(event, i === first ? logProbs : [])),
    );
  }

  #finish(usage: ResponseUsage): ResponseEvent {
    if (this.#end && isWhole(this.#end)) {
      this.#state = { status: "completed", completed_at: this.#rules.now(), usage };
      return this.#about("response.completed");
    }
    const incomplete_details = { reason: "max_output_tokens" } as const;
    this.#state = { status: "incomplete", incomplete_details, usage };
    return this.#about("response.incomplete");
  }

  /** An event about the whole response. */
  #about(type: `response.${string}`): ResponseEvent {
    return { type, sequence_number: this.#nEvents++, response: this.response };
  }

  #numbered(events: readonly UnnumberedEvent[]): ResponseEvent[] {
    return events.map(({ type, ...fields }) => ({
      type,
      sequence_number: this.#nEvents++,
      ...fields,
    }));
  }
}

function usageOf(usage: Usage): ResponseUsage {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens } = usage;
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
  };
}
