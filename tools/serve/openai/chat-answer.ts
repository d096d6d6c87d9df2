/**
 * Collects the steps of a turn into one answer.
 * @module
 */
import type { OpenAICall } from "../../../tokenizer/chat/index.ts";
import type { MetaInfo } from "../row-traces.ts";
import { type ChatHead, type ChatStep, type ChatWriter, openAIUsage } from "./chat-wire.ts";
import type { ChatLogProbs } from "./log-probs.ts";

/** Makes the whole answer. A call that broke off is left out: its arguments are no JSON. */
export class ChatAnswer {
  readonly #choices: readonly WholeChoice[];

  constructor(n: number) {
    this.#choices = Array.from({ length: n }, () => new WholeChoice());
  }

  /** Takes a step. */
  add(step: ChatStep): void {
    this.#choices[step.index].add(step);
  }

  /** Returns the answer. */
  body(head: ChatHead, writer: ChatWriter) {
    const { promptIds, thinks, usage } = writer;
    const tokenIds = this.#choices.some(({ tokenIds }) => tokenIds !== undefined);
    return {
      id: head.id,
      object: "chat.completion",
      created: head.created,
      model: head.model,
      system_fingerprint: head.system_fingerprint,
      ...(tokenIds && { prompt_token_ids: promptIds }),
      choices: this.#choices.map((choice, index) => choice.body(index, thinks)),
      usage: openAIUsage(usage),
    };
  }
}

class WholeChoice {
  tokenIds: number[] | undefined;
  #content = "";
  #reasoning = "";
  readonly #calls: OpenAICall[] = [];
  readonly #logProbs: ChatLogProbs[] = [];
  #hasLogProbs = false;
  #finish: ChatStep["finish_reason"] = null;
  #meta: MetaInfo | undefined;

  add({ delta, logprobs, finish_reason, token_ids: ids, meta_info: meta }: ChatStep): void {
    this.#content += delta.content ?? "";
    this.#reasoning += delta.reasoning ?? "";
    for (const { index, id = "", function: called } of delta.tool_calls ?? []) {
      const { name = "", arguments: args } = this.#calls[index]?.function ?? {};
      this.#calls[index] = {
        id: this.#calls[index]?.id ?? id,
        type: "function",
        function: { name: called.name ?? name, arguments: `${args ?? ""}${called.arguments}` },
      };
    }
    if (logprobs) this.#hasLogProbs = true;
    this.#logProbs.push(...(logprobs?.content ?? []));
    if (ids) this.tokenIds = [...(this.tokenIds ?? []), ...ids];
    this.#finish = finish_reason ?? this.#finish;
    this.#meta = meta;
  }

  body(index: number, thinks: boolean) {
    const calls = this.#calls.filter((call) => isWhole(call.function.arguments));
    const reasoning = this.#reasoning === "" ? null : this.#reasoning;
    return {
      index,
      message: {
        role: "assistant",
        content: this.#content === "" && calls.length > 0 ? null : this.#content,
        refusal: null,
        annotations: [],
        ...((thinks || reasoning !== null) && { reasoning_content: reasoning, reasoning }),
        ...(calls.length > 0 && { tool_calls: calls }),
      },
      logprobs: this.#hasLogProbs ? { content: this.#logProbs, refusal: null } : null,
      finish_reason: this.#finish,
      ...(this.tokenIds && { token_ids: this.tokenIds }),
      ...(this.#meta && { meta_info: this.#meta }),
    };
  }
}

/** Whether the arguments of a call are complete: then they are JSON. */
function isWhole(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}
