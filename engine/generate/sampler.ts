/**
 * Chooses tokens in two steps: logits become a probability distribution, and a token is drawn from
 * it.
 *
 * The steps are separate because speculative decoding needs the distribution itself. For greedy
 * decoding, the distribution has all its weight on the token with the largest logit.
 * @module
 */
import { GlmError } from "../base/errors.ts";
import type { Floats } from "../base/tensor.ts";
import { exp, log } from "../numbers/math.ts";
import { isAllowed } from "./constraint.ts";
import type { Random } from "./random.ts";

/** How tokens are chosen. By default the likeliest token is chosen, and nothing is filtered. */
export interface SamplingOptions {
  /** 0 (default) chooses the largest logit, and the smaller id of two equal ones. */
  readonly temperature?: number;
  /** Keep the `topK` most probable tokens. 0 (default) keeps all. */
  readonly topK?: number;
  /** Keep the most probable tokens until their probabilities reach `topP`. Default 1. */
  readonly topP?: number;
  /** Drop tokens less probable than `minP` times the most probable one. Default 0. */
  readonly minP?: number;
  /** Divide positive logits of tokens already seen by this, multiply negative ones. Default 1. */
  readonly repetitionPenalty?: number;
  /** Subtract this from the logits of tokens that were generated. Default 0. */
  readonly presencePenalty?: number;
  /** Subtract this from the logit of a token as often as it was generated. Default 0. */
  readonly frequencyPenalty?: number;
  /** Numbers to add to the logits of single ids. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** Ids from this one on are padding and are never chosen. By default there is no limit. */
  readonly vocabLimit?: number;
}

/** What counts for one choice beside the options of the whole text. */
export interface ChoiceNow {
  /** How many tokens of the text were not generated. Default 0. */
  readonly promptLength?: number | undefined;
  /** The ids that may be chosen; see `Constraint.allowed`. */
  readonly allowed?: Uint32Array | undefined;
}

/** The error for a wrong sampling option, or for logits from which nothing can be chosen. */
export class SamplingError extends GlmError {
  override readonly name = "SamplingError";
  readonly code = "sampling";
}

/**
 * Checks the ranges of all options, once before the first token.
 *
 * @throws {SamplingError} when one is out of range
 */
export function checkSampling(options: SamplingOptions): void {
  const rules: [keyof SamplingOptions, string, (x: number) => boolean][] = [
    ["temperature", "a number of 0 or more", (x) => x >= 0 && x < Number.POSITIVE_INFINITY],
    ["topK", "an integer of 0 or more", (x) => Number.isInteger(x) && x >= 0],
    ["topP", "a number above 0, at most 1", (x) => x > 0 && x <= 1],
    ["minP", "a number of 0 … 1", (x) => x >= 0 && x <= 1],
    ["repetitionPenalty", "a number above 0", (x) => x > 0 && x < Number.POSITIVE_INFINITY],
    ["presencePenalty", "a number of -2 … 2", (x) => x >= -2 && x <= 2],
    ["frequencyPenalty", "a number of -2 … 2", (x) => x >= -2 && x <= 2],
    ["vocabLimit", "a positive integer", (x) => Number.isInteger(x) && x > 0],
  ];
  for (const [key, expected, ok] of rules) {
    const value = options[key];
    if (value !== undefined && !ok(value as number)) {
      throw new SamplingError(key, `expected ${expected}, got ${value}`);
    }
  }
  for (const [id, bias] of options.logitBias ?? []) {
    if (!(Number.isInteger(id) && id >= 0)) {
      throw new SamplingError("logitBias", `expected ids of 0 or more, got ${id}`);
    }
    if (!(bias < Number.POSITIVE_INFINITY)) {
      throw new SamplingError(
        `logitBias of ${id}`,
        `expected a number below Infinity, got ${bias}`,
      );
    }
  }
}

/**
 * The probabilities of all ids. They are 0 for ids that an option excludes.
 *
 * The options are applied in this order: padding, bias, repetition penalty, presence and frequency
 * penalty, what is allowed, temperature, softmax, top-k, top-p, min-p; then the probabilities are
 * normalised again.
 *
 * @param text tokens of the text so far, for the penalties
 * @throws {SamplingError} when a logit is NaN, the largest one is infinite, or all ids are excluded
 */
export function distribution(
  logits: Floats,
  options: SamplingOptions,
  text: readonly number[],
  now: ChoiceNow = {},
): Float64Array {
  const adjusted = adjustLogits(logits, options, text, now);
  const best = argmax(adjusted);
  if (!Number.isFinite(adjusted[best]) || adjusted.some(Number.isNaN)) {
    throw new SamplingError(
      "logits",
      `expected a finite largest one, got ${adjusted[best]} (id ${best})`,
    );
  }
  const temperature = options.temperature ?? 0;
  const p = new Float64Array(logits.length);
  if (temperature === 0) {
    p[best] = 1;
    return p;
  }

  const max = adjusted[best];
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    p[i] = exp((adjusted[i] - max) / temperature);
    sum += p[i];
  }
  for (let i = 0; i < p.length; i++) p[i] /= sum;
  return filter(p, options);
}

/** The position of the largest value. Of equal values, it is the first one. */
export function argmax(values: Floats): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** Draws an id: the shares `p` divide the interval `[0, 1)`, and a random number falls into one. */
export function draw(p: Float64Array, random: Random): number {
  const u = random();
  let sum = 0;
  let last = 0;
  for (let i = 0; i < p.length; i++) {
    if (p[i] === 0) continue;
    sum += p[i];
    last = i;
    if (u < sum) return i;
  }
  return last; // rounding can make the sum of the shares a little less than 1
}

/** `log softmax(logits)[id]` for each of `ids`. */
export function logProbs(logits: Floats, ids: readonly number[]): number[] {
  const max = logits[argmax(logits)];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += exp(logits[i] - max);
  const norm = max + log(sum);
  return ids.map((id) => logits[id] - norm);
}

/** The `n` ids with the largest values, best first. Of equal values, the smaller id comes first. */
export function topIds(values: Floats, n: number): number[] {
  if (n === 0) return [];
  // Sorting plain numbers is many times faster than sorting ids. It gives the n-th largest value.
  const least = n < values.length ? values.toSorted()[values.length - n] : Number.NEGATIVE_INFINITY;
  return idsFrom(values, least).slice(0, n);
}

/** The ids with values of `least` or more, best first; of equal values, the smaller id first. */
function idsFrom(values: Floats, least: number): number[] {
  const ids: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] >= least) ids.push(i);
  return ids.sort((a, b) => values[b] - values[a] || a - b);
}

/** Applies all that changes logits. */
function adjustLogits(
  logits: Floats,
  options: SamplingOptions,
  text: readonly number[],
  { promptLength = 0, allowed }: ChoiceNow,
): Float64Array {
  const adjusted = Float64Array.from(logits);
  adjusted.fill(Number.NEGATIVE_INFINITY, options.vocabLimit ?? adjusted.length);
  for (const [id, bias] of options.logitBias ?? []) adjusted[id] += bias;
  const penalty = options.repetitionPenalty ?? 1;
  if (penalty !== 1) {
    for (const id of new Set(text)) {
      adjusted[id] = adjusted[id] > 0 ? adjusted[id] / penalty : adjusted[id] * penalty;
    }
  }
  const { presencePenalty = 0, frequencyPenalty = 0 } = options;
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    const counts = new Map<number, number>();
    for (const id of text.slice(promptLength)) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const [id, n] of counts) adjusted[id] -= presencePenalty + frequencyPenalty * n;
  }
  if (allowed) {
    for (let id = 0; id < adjusted.length; id++) {
      if (!isAllowed(allowed, id)) adjusted[id] = Number.NEGATIVE_INFINITY;
    }
  }
  return adjusted;
}

/** Applies top-k, top-p and min-p to probabilities, and normalises the rest. */
function filter(p: Float64Array, options: SamplingOptions): Float64Array {
  const { topK = 0, topP = 1, minP = 0 } = options;
  if (topK === 0 && topP === 1 && minP === 0) return p;

  // Top-p may drop a share of 1 − topP. All ids below `negligible` together have less than half of
  // that share, so they are dropped in any case, and there is no need to sort them.
  const negligible = topK === 0 ? (1 - topP) / (2 * p.length) : 0;
  const order = negligible > 0 ? idsFrom(p, negligible) : topIds(p, topK || p.length);
  const kept = new Float64Array(p.length);
  let sum = 0;
  for (const id of order) {
    if (sum >= topP || p[id] < minP * p[order[0]]) break;
    kept[id] = p[id];
    sum += p[id];
  }
  for (let i = 0; i < kept.length; i++) kept[i] /= sum;
  return kept;
}
