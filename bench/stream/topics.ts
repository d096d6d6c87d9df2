/**
 * An embedding, and texts, with which a random router chooses as GLM-5.2's does: some experts are
 * chosen often, and a token has some of its predecessor's.
 *
 * The vocabulary is cut into topics. Id `v` of topic `k` has the row
 *
 *     √topic · c_k + √context · a_k(v) + √(1 − topic − context) · g_k[u(v)]
 *
 * with a direction `c_k` of the topic, a chain along the ids, `a(v + 1) = φ · a(v) + √(1 − φ²) · n`,
 * `φ = exp(−1 / τ)`, and one of the topic's words `g_k`, drawn by Zipf's law. All are normal of deviation 1.
 * A text walks from id to id, and jumps to a random place in a random topic once in 127 tokens.
 * `test/support/routing.ts` has the same sum of three parts for logits, and its settings.
 *
 * Next: synthetic.ts
 * @module
 */
import { toBf16 } from "../../engine/numbers/formats.ts";
import { exp } from "../../engine/numbers/math.ts";
import type { Setting } from "../../test/support/routing.ts";
import { fillFrom, type Key, keyOf, uniform } from "./draws.ts";

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
  { vocabSize, seed, setting }: { vocabSize: number; seed: number; setting: Setting },
  normal: Float32Array,
): void {
  const hidden = target.length / nRows;
  const size = topicSize(vocabSize);
  for (let row = 0; row < nRows; ) {
    const topic = Math.floor((first + row) / size);
    const end = Math.min((topic + 1) * size - first, nRows);
    const rows = new TopicRows(`topic ${topic}`, { hidden, seed, setting, normal });
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
  readonly setting: Setting;
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
  readonly #made = new Map<number, Float32Array>();
  #row = -1;

  constructor(name: string, options: RowOptions) {
    const { hidden, seed, setting } = options;
    this.#options = options;
    this.#name = name;
    this.#direction = this.#normal(name);
    this.#chain = new Float32Array(hidden);
    this.#noise = new Float32Array(hidden);
    this.#noiseKey = keyOf(seed, `${name} chain`);
    this.#wordKey = keyOf(seed, `${name} words`);
    this.#zipf = zipf(setting.words);
  }

  /** Goes to the next row. */
  step(): void {
    const { hidden, setting, normal } = this.#options;
    this.#row++;
    fillFrom(this.#noise, normal, this.#noiseKey, this.#row * hidden);
    const phi = this.#row === 0 ? 0 : exp(-1 / setting.tau);
    const fresh = Math.sqrt(1 - phi * phi);
    const [chain, noise] = [this.#chain, this.#noise];
    for (let i = 0; i < hidden; i++) chain[i] = phi * chain[i] + fresh * noise[i];
  }

  /** Writes this row. */
  write(target: Uint16Array): void {
    const { setting } = this.#options;
    const [direction, chain] = [this.#direction, this.#chain];
    const word = this.#wordOf(indexIn(this.#zipf, uniform(this.#wordKey, this.#row)));
    const a = Math.sqrt(setting.topic);
    const b = Math.sqrt(setting.context);
    const c = Math.sqrt(1 - setting.topic - setting.context);
    for (let i = 0; i < target.length; i++) {
      target[i] = toBf16(a * direction[i] + b * chain[i] + c * word[i]);
    }
  }

  #wordOf(m: number): Float32Array {
    const made = this.#made.get(m) ?? this.#normal(`${this.#name} word ${m}`);
    this.#made.set(m, made);
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

/** The tokens of a text in random order. */
export function shuffled(tokens: readonly number[], seed: number): number[] {
  const key = keyOf(seed, "order");
  const places = tokens.map((token, i) => ({ token, at: uniform(key, i) }));
  return places.sort((a, b) => a.at - b.at).map(({ token }) => token);
}
