/**
 * The fields that several APIs share: how tokens are chosen, what ends a text, and how the model thinks.
 *
 * Next: openai/chat-completions.ts
 * @module
 */
import * as v from "valibot";
import type { SamplingOptions } from "../../engine/index.ts";
import { type Json, JsonNumber } from "../../tokenizer/chat/index.ts";
import { fieldOf, isJsonObject } from "../../tokenizer/chat/json-value.ts";
import { thinkingOf } from "../library/think.ts";
import { shown, wrong } from "./body.ts";
import type { ServedModel } from "./desk.ts";
import type { TraceAsk } from "./row-traces.ts";
import { ServeError } from "./serve-error.ts";
import type { ServeOptions, Service } from "./service.ts";

/** A number of a range. */
export const number = (least: number, most: number) =>
  v.pipe(v.number(), v.minValue(least), v.maxValue(most));

/** An integer of a range. */
export const integer = (least: number, most: number) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));

/** A text that is not empty. */
const name = v.pipe(v.string(), v.nonEmpty());

/** Most texts in `stop`, most texts that a prompt is gone on with, most log-probabilities of a token. */
const MOST = { stops: 16, choices: 16, logProbs: 20 } as const;

/** The number of log-probabilities that are told with a token. */
export const nLogProbs = integer(0, MOST.logProbs);

/** How tokens are chosen. */
export const samplingFields = {
  temperature: v.optional(number(0, 2)),
  top_p: v.optional(number(0, 1)),
  top_k: v.optional(integer(-1, 2 ** 31)),
  min_p: v.optional(number(0, 1)),
  repetition_penalty: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(100))),
  presence_penalty: v.optional(number(-2, 2)),
  frequency_penalty: v.optional(number(-2, 2)),
  logit_bias: v.optional(v.record(v.string(), number(-100, 100))),
  do_sample: v.optional(v.boolean()),
  seed: v.optional(v.number()),
} as const;

/** What ends a text. */
export const stopFields = {
  stop: v.optional(v.union([v.string(), v.pipe(v.array(name), v.maxLength(MOST.stops))])),
  stop_token_ids: v.optional(v.pipe(v.array(integer(0, 2 ** 31)), v.maxLength(1024))),
  min_tokens: v.optional(integer(0, 2 ** 31)),
  ignore_eos: v.optional(v.boolean()),
  include_stop_str_in_output: v.optional(v.boolean()),
} as const;

/** How an answer is sent. */
export const answerFields = {
  model: v.optional(v.string()),
  n: v.optional(integer(1, MOST.choices)),
  best_of: v.optional(integer(1, MOST.choices)),
  stream: v.optional(v.boolean()),
  stream_options: v.optional(
    v.nullable(
      v.object({
        include_usage: v.optional(v.nullable(v.boolean())),
        continuous_usage_stats: v.optional(v.nullable(v.boolean())),
      }),
    ),
  ),
  return_tokens_as_token_ids: v.optional(v.boolean()),
  return_token_ids: v.optional(v.boolean()),
  return_routed_experts: v.optional(v.boolean()),
  routed_experts_start_len: v.optional(integer(0, 2 ** 31)),
  return_indexer_topk: v.optional(v.boolean()),
} as const;

/** How the model thinks. Several spellings of one setting must agree; the renderer checks that. */
export const thinkingFields = {
  reasoning_effort: v.optional(v.string()),
  thinking: v.optional(v.union([v.boolean(), v.looseObject({ type: v.string() })])),
  enable_thinking: v.optional(v.boolean()),
  clear_thinking: v.optional(v.boolean()),
  chat_template_kwargs: v.optional(v.record(v.string(), v.unknown())),
} as const;

/** What the fields of a schema are. */
export type Fields<E extends v.ObjectEntries> = v.InferOutput<v.ObjectSchema<E, undefined>>;

/** How tokens are chosen: as the request says, else as the model's makers want it. */
export function samplingOf(
  fields: Fields<typeof samplingFields>,
  model: ServedModel,
): SamplingOptions {
  const { temperature, top_p, top_k, min_p, repetition_penalty, do_sample, logit_bias } = fields;
  const { presence_penalty, frequency_penalty } = fields;
  const given: SamplingOptions = {
    ...(temperature !== undefined && { temperature }),
    ...(do_sample === false && { temperature: 0 }),
    // A share of nothing still keeps the likeliest token.
    ...(top_p !== undefined && { topP: top_p === 0 ? Number.MIN_VALUE : top_p }),
    ...(top_k !== undefined && { topK: Math.max(0, top_k) }),
    ...(min_p !== undefined && { minP: min_p }),
    ...(repetition_penalty !== undefined && { repetitionPenalty: repetition_penalty }),
    ...(presence_penalty && { presencePenalty: presence_penalty }),
    ...(frequency_penalty && { frequencyPenalty: frequency_penalty }),
    ...(logit_bias && { logitBias: biases(logit_bias, model) }),
  };
  return { ...model.sampling, ...given, vocabLimit: model.vocabulary };
}

function biases(given: Readonly<Record<string, number>>, model: ServedModel): Map<number, number> {
  const entries = Object.entries(given).map(([key, bias]) => {
    const id = /^\d{1,10}$/.test(key) ? Number(key) : -1;
    checkId(id, key, `logit_bias.${key.slice(0, 20)}`, model);
    return [id, bias] as const;
  });
  return new Map(entries);
}

/** @throws {ServeError} when no token has this id */
export function checkId(id: number, got: unknown, path: string, { vocabulary }: ServedModel): void {
  if (id >= 0 && id < vocabulary) return;
  wrong(path, `an id of 0 … ${vocabulary - 1}`, shown(got));
}

/** What a request wants to be told of the rows of its texts; undefined when it is nothing. */
export function traceOf(fields: Fields<typeof answerFields>): TraceAsk | undefined {
  const experts = fields.return_routed_experts ?? false;
  const selections = fields.return_indexer_topk ?? false;
  const { routed_experts_start_len: expertsFrom } = fields;
  if (!experts && expertsFrom !== undefined) {
    wrong("return_routed_experts", "true with routed_experts_start_len", "not");
  }
  return experts || selections ? { experts, selections, expertsFrom } : undefined;
}

/** What ends a text, in our names. */
export function stopsOf(fields: Fields<typeof stopFields>, model: ServedModel) {
  const { stop = [], stop_token_ids: stopIds = [] } = fields;
  if (stop === "") wrong("stop", "a text that is not empty", '""');
  for (const [i, id] of stopIds.entries()) checkId(id, id, `stop_token_ids[${i}]`, model);
  return {
    stop: typeof stop === "string" ? [stop] : stop,
    stopIds,
    minTokens: fields.min_tokens ?? 0,
    ignoreEos: fields.ignore_eos ?? false,
    includeStop: fields.include_stop_str_in_output ?? false,
  };
}

/**
 * The seed of a request. Those of 64 bits, which some clients send, are folded into the 32 that are used
 * here; smaller ones stay as they are.
 *
 * @throws {ServeError} when it is no integer of 64 bits
 */
export function seedOf(json: ReadonlyMap<string, Json>, { seed = 0 }: ServeOptions): number {
  const given = json.get("seed");
  if (given === undefined) return seed;
  const source = given instanceof JsonNumber ? given.source : shown(given);
  const isInteger = /^-?\d{1,20}$/.test(source);
  const value = isInteger ? BigInt(source) : 0n;
  if (!isInteger || value < -(2n ** 63n) || value >= 2n ** 64n) {
    wrong("seed", "an integer of 64 bits", source.slice(0, 30));
  }
  const bits = BigInt.asUintN(64, value);
  return Number((bits & 0xffff_ffffn) ^ (bits >> 32n));
}

/**
 * The number of texts.
 *
 * @throws {ServeError} when the best of more are asked for
 */
export function choicesOf({ n = 1, best_of: best = n }: Fields<typeof answerFields>): number {
  if (best !== n) wrong("best_of", `as many as n, which is ${n}`, String(best));
  return n;
}

/**
 * Checks that the model that a request names is the one that is served. Where any model is answered for, a
 * request need not name one.
 */
export function checkModel(given: string | undefined, { desk, options }: Service): void {
  const names = [desk.model.name, ...(options.aliases ?? [])];
  if (options.anyModel || (given !== undefined && names.includes(given))) return;
  const expected = names.map(shown).join(" or ");
  if (given === undefined) wrong("model", expected, "nothing");
  const what = `expected ${expected}, got ${shown(given)}`;
  throw new ServeError("model-not-found", "model", what, "model");
}

/** The settings of thinking in a request as they were written; those of the server where it has none. */
export function thinkingIn(
  json: ReadonlyMap<string, Json>,
  { desk, options }: Service,
): ReadonlyMap<string, Json> {
  const given = Object.keys(thinkingFields).flatMap((key): [string, Json][] => {
    const value = json.get(key);
    return value === undefined ? [] : [[key, value]];
  });
  const { think } = options;
  const kwargs = json.get("chat_template_kwargs");
  const says = (key: string) =>
    json.has(key) || (isJsonObject(kwargs) && fieldOf(kwargs, key) !== undefined);
  const isSaid = ["reasoning_effort", "thinking", "enable_thinking"].some(says);
  if (think === undefined || isSaid) return new Map(given);
  const defaults = Object.entries(thinkingOf(desk.model.template, think)) as [string, Json][];
  return new Map([...defaults, ...given]);
}
