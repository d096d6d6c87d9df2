/**
 * A turn becomes the events of a response. The last of them holds the whole response, which is what a
 * request without a stream gets: so both are the same.
 *
 * Next: responses.ts
 * @module
 */
import type { ChatHappening, ReplyEnd, Usage } from "../chat-ask.ts";
import type { LogProbs } from "../log-probs.ts";
import { Output, type OutputRules } from "./output.ts";
import type {
  Echo,
  ResponseEvent,
  ResponseObject,
  ResponseUsage,
  UnnumberedEvent,
} from "./shapes.ts";

/** How a response is written. */
export interface ResponseRules extends OutputRules {
  readonly id: string;
  readonly echo: Echo;
  /** Seconds since 1970. */
  now(): number;
  /** Makes log-probabilities of tokens; undefined where none are wanted. */
  readonly logProbs: LogProbs | undefined;
  /** What a failure is called. */
  errorOf(error: unknown): { readonly code: string; readonly message: string };
}

/**
 * The events of a response, from the first to the last. A turn that fails on its way ends in
 * `response.failed`, because a client that gets no last event waits for it.
 */
export async function* responseEvents(
  happenings: AsyncIterable<ChatHappening>,
  rules: ResponseRules,
): AsyncGenerator<ResponseEvent, void> {
  const output = new Output(rules);
  const created_at = rules.now();
  let number = 0;
  const numbered = (event: UnnumberedEvent): ResponseEvent => {
    const { type, ...fields } = event;
    return { type, sequence_number: number++, ...fields };
  };
  const response = (rest: Partial<ResponseObject>): ResponseObject => ({
    id: rules.id,
    object: "response",
    created_at,
    completed_at: null,
    status: "in_progress",
    incomplete_details: null,
    error: null,
    output: output.items,
    usage: null,
    previous_response_id: null,
    truncation: "disabled",
    store: false,
    background: false,
    service_tier: "default",
    ...rules.echo,
    ...rest,
  });
  yield numbered({ type: "response.created", response: response({}) });
  yield numbered({ type: "response.in_progress", response: response({}) });
  let end: ReplyEnd | undefined;
  let usage: ResponseUsage | null = null;
  try {
    for await (const happening of happenings) {
      if (happening.type === "usage") usage = usageOf(happening.usage);
      if (happening.type === "token" || happening.type === "end") {
        const scores = happening.type === "token" ? rules.logProbs?.take(happening) : undefined;
        for (const event of happening.events) yield* output.take(event, scores).map(numbered);
      }
      if (happening.type === "end") {
        ({ end } = happening);
        yield* output.end(isWhole(end) ? "completed" : "incomplete").map(numbered);
      }
    }
  } catch (error) {
    yield* output.end("incomplete").map(numbered);
    const failed = response({ status: "failed", error: rules.errorOf(error), usage });
    yield numbered({ type: "response.failed", response: failed });
    return;
  }
  if (end && isWhole(end)) {
    const completed = { status: "completed", completed_at: rules.now(), usage } as const;
    yield numbered({ type: "response.completed", response: response(completed) });
  } else {
    const details = { reason: "max_output_tokens" } as const;
    const cut = response({ status: "incomplete", incomplete_details: details, usage });
    yield numbered({ type: "response.incomplete", response: cut });
  }
}

/** Whether the model came to an end of its own, or to a text that it was to stop at. */
function isWhole({ reason }: ReplyEnd): boolean {
  return reason !== "length" && reason !== "context";
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
