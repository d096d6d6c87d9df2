/**
 * From logits to a distribution, from a distribution to a token.
 *
 * The two steps are apart because speculative decoding needs the distribution itself. Greedy
 * decoding is the distribution with all its weight on the largest logit.
 * @module
 */
import { GlmError } from "../errors.ts";
import { exp, log } from "../numbers/math.ts";
import type { Floats } from "../tensor.ts";
import type { Random } from "./random.ts";

/** How tokens are chosen. By default the likeliest one is, and no option filters anything. */
export interface SamplingOptions {
  /** 0 (default) takes the largest logit, ties to the smaller id. */
  readonly temperature?: number;
  /** Keep the `topK` most probable tokens. 0 (default) keeps all. */
  readonly topK?: number;
  /** Keep the most probable tokens until their probabilities reach `topP`. Default 1. */
  readonly topP?: number;
  /** Drop tokens less probable than `minP` times the most probable one. Default 0. */
  readonly minP?: number;
  /** Divide positive logits of tokens already seen by this, multiply negative ones. Default 1. */
  readonly repetitionPenalty?: number;
  /** Added to the logits of single ids. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** Ids from here on are padding rows of the embedding and are never chosen. Default: none. */
  readonly vocabLimit?: number;
}

/** A wrong sampling option; the message says which, what it got and what it takes. */
export class SamplingError extends GlmError {
  override readonly name = "SamplingError";
  readonly code = "sampling";
}

/** Checks the ranges of all options once, at the door. */
export function checkSampling(options: SamplingOptions): void {
  const rules: [keyof SamplingOptions, string, (x: number) => boolean][] = [
    ["temperature", "a number of 0 or more", (x) => x >= 0 && x < Number.POSITIVE_INFINITY],
    ["topK", "an integer of 0 or more", (x) => Number.isInteger(x) && x >= 0],
    ["topP", "a number above 0, at most 1", (x) => x > 0 && x <= 1],
    ["minP", "a number of 0 … 1", (x) => x >= 0 && x <= 1],
    ["repetitionPenalty", "a number above 0", (x) => x > 0 && x < Number.POSITIVE_INFINITY],
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
 * Probabilities of all ids, zero where an option forbids one.
 *
 * Order: padding, bias, penalty, temperature, softmax, top-k, top-p, min-p, renormalise.
 *
 * @param seen tokens so far, for the repetition penalty
 * @throws {SamplingError} when no id may be chosen: the model has overflowed, or all are forbidden
 */
export function distribution(
  logits: Floats,
  options: SamplingOptions,
  seen: Iterable<number>,
): Float64Array {
  const adjusted = adjustLogits(logits, options, seen);
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

/** Position of the largest value, the first of equal ones. */
export function argmax(values: Floats): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** The id whose share of the unit interval holds `u`. Forbidden ids have none. */
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
  return last; // the shares sum to a little less than 1
}

/** `log softmax(logits)[id]` for the wanted ids, from the logits as the model gave them. */
export function logProbs(logits: Floats, ids: readonly number[]): number[] {
  const max = logits[argmax(logits)];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += exp(logits[i] - max);
  const norm = max + log(sum);
  return ids.map((id) => logits[id] - norm);
}

/** The `n` ids with the largest values, best first, equal ones by the smaller id. */
export function topIds(values: Floats, n: number): number[] {
  if (n === 0) return [];
  // Numbers alone sort many times faster than ids by their numbers: they say where to begin.
  const least = n < values.length ? values.toSorted()[values.length - n] : Number.NEGATIVE_INFINITY;
  return idsFrom(values, least).slice(0, n);
}

/** The ids whose values are `least` or more, best first, equal ones by the smaller id. */
function idsFrom(values: Floats, least: number): number[] {
  const ids: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] >= least) ids.push(i);
  return ids.sort((a, b) => values[b] - values[a] || a - b);
}

function adjustLogits(
  logits: Floats,
  options: SamplingOptions,
  seen: Iterable<number>,
): Float64Array {
  const adjusted = Float64Array.from(logits);
  adjusted.fill(Number.NEGATIVE_INFINITY, options.vocabLimit ?? adjusted.length);
  for (const [id, bias] of options.logitBias ?? []) adjusted[id] += bias;
  const penalty = options.repetitionPenalty ?? 1;
  if (penalty !== 1) {
    for (const id of new Set(seen)) {
      adjusted[id] = adjusted[id] > 0 ? adjusted[id] / penalty : adjusted[id] * penalty;
    }
  }
  return adjusted;
}

function filter(p: Float64Array, options: SamplingOptions): Float64Array {
  const { topK = 0, topP = 1, minP = 0 } = options;
  if (topK === 0 && topP === 1 && minP === 0) return p;

  // All ids below this probability together are less than half of what top-p may leave out.
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
