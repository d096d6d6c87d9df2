/**
 * An embedding, and texts, with which a random router chooses as GLM-5.2's does: some experts are
 * chosen often, and a token has some of its predecessor's.
 *
 * The vocabulary is cut into topics. Id `v` of topic `k` has the row
 *
 *     √ρ · c_k + √ρ₂ · a_k(v) + √(1 − ρ − ρ₂) · g_k[u(v)]
 *
 * with a direction `c_k` of the topic, a chain along the ids, `a(v + 1) = φ · a(v) + √(1 − φ²) · n`,
 * `φ = exp(−1 / τ₂)`, and one of `M` prototypes `g_k`, drawn by Zipf's law. All are normal of deviation 1.
 * A text walks from id to id, and jumps to a random place in a random topic once in 127 tokens.
 *
 * Next: synthetic.ts
 * @module
 */
import { toBf16 } from "../../engine/numbers/formats.ts";
import { fillFrom, type Key, keyOf, uniform } from "./draws.ts";

/** How the rows of an embedding are mixed. */
export interface Mixture {
  /** The share of the topic, ρ. */
  readonly topic: number;
  /** The share of the chain, ρ₂. */
  readonly chain: number;
  /** The number of tokens after which the chain has changed, τ₂. */
  readonly tokens: number;
  /** The number of prototypes of a topic, M. */
  readonly prototypes: number;
}

/** Mixtures whose routing is like that of GLM-5.2 in one respect or another. */
export const MIXTURES = {
  /** A cache hits as often as measured. */
  restless: { topic: 0.2, chain: 0.5, tokens: 4, prototypes: 2000 },
  /** The best cache possible hits as often as that of a trace. */
  middle: { topic: 0.25, chain: 0.5, tokens: 5, prototypes: 400 },
  /** As many experts as measured are those of the token before. */
  calm: { topic: 0.25, chain: 0.6, tokens: 8, prototypes: 400 },
} as const satisfies Record<string, Mixture>;

/** The name of a mixture. */
export type MixtureName = keyof typeof MIXTURES;

const N_TOPICS = 10;

/** The mean number of tokens from one jump to the next. */
const WALK = 127;

/** How many ids a topic has; the last topic may have fewer. */
export function topicSize(vocabSize: number): number {
  return Math.ceil(vocabSize / N_TOPICS);
}

/**
 * Fills the rows `first …` of the embedding, in bf16. A chain begins where its topic does, so the rows
 * before them are made, too.
 *
 * @param target whole rows
 * @param normal the quantiles of the normal distribution
 */
export function fillRows(
  target: Uint16Array,
  [first, nRows]: readonly [number, number],
  { vocabSize, seed, mixture }: { vocabSize: number; seed: number; mixture: Mixture },
  normal: Float32Array,
): void {
  const hidden = target.length / nRows;
  const size = topicSize(vocabSize);
  for (let row = 0; row < nRows; ) {
    const topic = Math.floor((first + row) / size);
    const end = Math.min((topic + 1) * size - first, nRows);
    const rows = new TopicRows(`topic ${topic}`, { hidden, seed, mixture, normal });
    for (let skipped = topic * size; skipped < first + row; skipped++) rows.step();
    for (; row < end; row++) {
      rows.step();
      rows.write(target.subarray(row * hidden, (row + 1) * hidden));
    }
  }
}

interface RowOptions {
  readonly hidden: number;
  readonly seed: number;
  readonly mixture: Mixture;
  readonly normal: Float32Array;
}

/** The rows of one topic, one after the other. */
class TopicRows {
  readonly #options: RowOptions;
  readonly #name: string;
  readonly #direction: Float32Array;
  readonly #chain: Float32Array;
  readonly #noise: Float32Array;
  readonly #noiseKey: Key;
  readonly #wordKey: Key;
  readonly #zipf: Float64Array;
  readonly #prototypes = new Map<number, Float32Array>();
  #row = -1;

  constructor(name: string, options: RowOptions) {
    const { hidden, seed, mixture } = options;
    this.#options = options;
    this.#name = name;
    this.#direction = this.#normal(name);
    this.#chain = new Float32Array(hidden);
    this.#noise = new Float32Array(hidden);
    this.#noiseKey = keyOf(seed, `${name} chain`);
    this.#wordKey = keyOf(seed, `${name} words`);
    this.#zipf = zipf(mixture.prototypes);
  }

  /** Goes to the next row. */
  step(): void {
    const { hidden, mixture, normal } = this.#options;
    this.#row++;
    fillFrom(this.#noise, normal, this.#noiseKey, this.#row * hidden);
    const phi = this.#row === 0 ? 0 : Math.exp(-1 / mixture.tokens);
    const fresh = Math.sqrt(1 - phi * phi);
    const [chain, noise] = [this.#chain, this.#noise];
    for (let i = 0; i < hidden; i++) chain[i] = phi * chain[i] + fresh * noise[i];
  }

  /** Writes this row. */
  write(target: Uint16Array): void {
    const { mixture } = this.#options;
    const [direction, chain] = [this.#direction, this.#chain];
    const word = this.#prototype(indexIn(this.#zipf, uniform(this.#wordKey, this.#row)));
    const a = Math.sqrt(mixture.topic);
    const b = Math.sqrt(mixture.chain);
    const c = Math.sqrt(1 - mixture.topic - mixture.chain);
    for (let i = 0; i < target.length; i++) {
      target[i] = toBf16(a * direction[i] + b * chain[i] + c * word[i]);
    }
  }

  #prototype(m: number): Float32Array {
    const made = this.#prototypes.get(m) ?? this.#normal(`${this.#name} prototype ${m}`);
    this.#prototypes.set(m, made);
    return made;
  }

  #normal(name: string): Float32Array {
    const { hidden, seed, normal } = this.#options;
    const numbers = new Float32Array(hidden);
    fillFrom(numbers, normal, keyOf(seed, name));
    return numbers;
  }
}

/** For each of `n` words, the probability that a word is this one or one before it. */
function zipf(n: number): Float64Array {
  const sums = new Float64Array(n);
  let sum = 0;
  for (let m = 0; m < n; m++) {
    sum += 1 / (m + 1);
    sums[m] = sum;
  }
  return sums.map((s) => s / sum);
}

/** The first place whose number is above `x`. */
function indexIn(ascending: Float64Array, x: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A text of `n` tokens. */
export function walk(n: number, vocabSize: number, seed: number): number[] {
  const key = keyOf(seed, "text");
  let drawn = 0;
  const random = (below: number): number => Math.floor(uniform(key, drawn++) * below);
  const size = topicSize(vocabSize);
  const tokens: number[] = [];
  for (let at = random(vocabSize); tokens.length < n; at++) {
    const isEnd = at >= vocabSize || (at % size === 0 && tokens.length > 0);
    if (random(WALK) === 0 || isEnd) at = random(vocabSize);
    tokens.push(at);
  }
  return tokens;
}
