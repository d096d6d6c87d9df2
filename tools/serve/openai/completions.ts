/**
 * `POST /v1/completions`: goes on with texts. With `echo` and `logprobs` it says how likely a text is,
 * which is what evaluations ask for.
 *
 * Next: text-reply.ts
 * @module
 */
import type { Hono } from "hono";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { readBody } from "../body.ts";
import type { Usage } from "../chat-ask.ts";
import { checkModel } from "../fields.ts";
import { addRoute } from "../routes.ts";
import type { MetaInfo } from "../row-traces.ts";
import { createdAt, type ServeEnv, type Service } from "../service.ts";
import { abortOf, PING, sse, streamOf } from "../sse.ts";
import { textAnswer, textChunk } from "./answer-shapes.ts";
import { openAIUsage } from "./chat-wire.ts";
import {
  COMPLETION_IGNORED,
  COMPLETION_REFUSED,
  type CompletionFields,
  completionSchema,
  textAskOf,
} from "./completion-fields.ts";
import { type TextLogProbs, TextLogProbsWriter } from "./log-probs.ts";
import { DONE, errorEvents } from "./stream-end.ts";
import { completeTexts, type TextAsk, type TextStep, type TextToken } from "./text-reply.ts";

/** Adds the path. */
export function addCompletions(app: Hono<ServeEnv>, service: Service): void {
  const route = {
    ...({
      method: "post",
      path: "/v1/completions",
      request: completionSchema,
      streams: true,
    } as const),
    ...{ answer: textAnswer, chunk: textChunk },
    about: "Goes on with texts, or says how likely they are.",
  };
  const rules = {
    schema: completionSchema,
    ignored: COMPLETION_IGNORED,
    refused: COMPLETION_REFUSED,
  };
  addRoute(app, service, route, async (c) => {
    const body = await readBody(c, service, rules);
    const { fields, json } = body;
    const { desk, ids } = service;
    checkModel(fields.model, service);
    const ask = await textAskOf(body, service);
    const head: Head = {
      id: ids.next("cmpl-", c.req.path, json),
      object: "text_completion",
      created: createdAt(service),
      model: desk.model.name,
      system_fingerprint: ids.systemFingerprint,
    };
    const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 };
    const record = c.get("record");
    record.id = head.id;
    c.header("x-request-id", head.id);
    record.usage = () => usage;
    const abort = abortOf(c);
    const steps = completeTexts(desk, ask, usage, abort.signal);
    const texts = new Texts(desk.model.tokenizer, ask, fields);
    if (fields.stream) {
      const events = chunks(steps, texts, head, fields, usage);
      return streamOf(c, service, events, abort, { onError: errorEvents });
    }
    const parts: Choice[][] = [];
    for await (const step of steps) {
      if (step === undefined) continue;
      parts[step.index] ??= [];
      parts[step.index].push(texts.write(step));
    }
    return c.json({ ...head, choices: parts.map(joined), usage: openAIUsage(usage) });
  });
}

/** What all chunks of an answer, and the whole one, begin with. */
interface Head {
  readonly id: string;
  readonly object: "text_completion";
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

/** A text, or the next part of one. */
interface Choice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: TextLogProbs | null;
  readonly finish_reason: "stop" | "length" | null;
  readonly prompt_token_ids?: readonly number[];
  readonly token_ids?: readonly number[];
  readonly meta_info?: MetaInfo;
}

/** Writes steps as parts of choices. */
class Texts {
  readonly #ask: TextAsk;
  readonly #tokenIds: boolean;
  readonly #writers: readonly (TextLogProbsWriter | undefined)[];
  readonly #begun = new Set<number>();

  constructor(tokenizer: Tokenizer, ask: TextAsk, fields: CompletionFields) {
    const { logprobs, return_tokens_as_token_ids: asIds = false } = fields;
    this.#ask = ask;
    this.#tokenIds = fields.return_token_ids ?? false;
    this.#writers = Array.from({ length: ask.prompts.length * ask.order.n }, () =>
      logprobs === undefined ? undefined : new TextLogProbsWriter(tokenizer, asIds),
    );
  }

  write({ index, text, tokens, finish, meta }: TextStep): Choice {
    const isFirst = !this.#begun.has(index);
    this.#begun.add(index);
    return {
      index,
      text,
      logprobs: this.#writers[index]?.write(tokens) ?? null,
      finish_reason: finish,
      ...(this.#tokenIds && this.#ids(index, tokens, isFirst)),
      ...(meta && { meta_info: meta }),
    };
  }

  #ids(index: number, tokens: readonly TextToken[], isFirst: boolean) {
    const prompt = this.#ask.prompts[Math.floor(index / this.#ask.order.n)];
    return {
      ...(isFirst && { prompt_token_ids: prompt }),
      token_ids: tokens.map(({ id }) => id),
    };
  }
}

/** All parts of a choice as one. */
function joined(parts: readonly Choice[]): Choice {
  const [first] = parts;
  const last = parts[parts.length - 1];
  const logProbs = parts.flatMap(({ logprobs }) => logprobs ?? []);
  return {
    ...first,
    text: parts.map(({ text }) => text).join(""),
    logprobs: first.logprobs && {
      tokens: logProbs.flatMap(({ tokens }) => tokens),
      token_logprobs: logProbs.flatMap(({ token_logprobs: values }) => values),
      top_logprobs: logProbs.flatMap(({ top_logprobs: values }) => values),
      text_offset: logProbs.flatMap(({ text_offset: values }) => values),
    },
    finish_reason: last.finish_reason,
    ...(last.meta_info && { meta_info: last.meta_info }),
    ...(first.token_ids && { token_ids: parts.flatMap(({ token_ids: ids }) => ids ?? []) }),
  };
}

/** The events of a stream. The first is a comment: the request is taken, and the client is told so. */
async function* chunks(
  steps: AsyncIterable<TextStep | undefined>,
  texts: Texts,
  head: Head,
  { stream_options: options }: CompletionFields,
  usage: Usage,
): AsyncGenerator<string, void> {
  const isContinuous = options?.continuous_usage_stats ?? false;
  const wantsUsage = isContinuous || (options?.include_usage ?? false);
  for await (const step of steps) {
    if (step === undefined) {
      yield PING;
      continue;
    }
    const choice = texts.write(step);
    // A token that only begins a character says nothing, unless more than text is wanted.
    if (choice.text === "" && !choice.logprobs && !choice.token_ids && !choice.finish_reason)
      continue;
    const told = isContinuous ? openAIUsage(usage) : null;
    yield sse({ ...head, choices: [choice], ...(wantsUsage && { usage: told }) });
  }
  if (wantsUsage) yield sse({ ...head, choices: [], usage: openAIUsage(usage) });
  yield DONE;
}
