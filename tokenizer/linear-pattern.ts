/**
 * Runs a pattern in time that grows with the text and no faster, whatever the pattern is. It finds
 * what the runtime's regular expressions find: the first way that matches, in the same order.
 *
 * The pattern becomes a list of steps. A step at a place of the text that has once led to no match
 * never will, since nothing but the step and the place decides what follows. So such a pair is noted
 * and not tried again, not even for another beginning of a match. That bounds the work by
 * (number of steps) × (length of the text).
 *
 * Next: pre-tokenize.ts
 * @see Davis et al., "Using Selective Memoization to Defeat Regular Expression Denial of Service",
 *   IEEE S&P 2021
 * @module
 */

import { compileSteps, type Step } from "./pattern-steps.ts";
import type { Node } from "./pattern-tree.ts";
import { TokenizerError } from "./tokenizer-error.ts";

/** The most work: steps for each character of the text, and steps besides. */
const STEPS_PER_CHARACTER = 200;
const STEPS_BESIDES = 10_000_000;
/** The most pairs of a step and a place that are noted: 128 MB of bits. */
const MOST_PAIRS = 2 ** 30;

/** A match: where it begins, and its text. */
export interface Match {
  readonly index: number;
  readonly 0: string;
}

/** A pattern that takes linear time. */
export class LinearPattern {
  /** The pattern in the notation of JavaScript. */
  readonly source: string;
  readonly #steps: readonly Step[];

  /** @throws {TokenizerError} when the pattern has too many steps */
  constructor(source: string, tree: Node, path: string) {
    this.source = source;
    this.#steps = compileSteps(tree, path);
  }

  /** All matches, as `text.matchAll` gives them with the flags `gu`. */
  *matchAll(text: string): Generator<Match> {
    const run = new Run(this.#steps, text);
    let start = 0;
    while (start <= text.length) {
      const end = run.match(0, start);
      if (end >= 0) yield { index: start, 0: text.slice(start, end) };
      start = end > start ? end : start + characterAt(text, start);
    }
  }
}

/** The number of code units of the character at a place; 1 at the end of the text. */
function characterAt(text: string, place: number): 1 | 2 {
  return (text.codePointAt(place) ?? 0) > 0xffff ? 2 : 1;
}

/** A set of numbers below a limit. */
class Bits {
  readonly #words: Uint32Array;

  constructor(limit: number) {
    this.#words = new Uint32Array(Math.ceil(limit / 32));
  }

  has(i: number): boolean {
    return ((this.#words[Math.floor(i / 32)] ?? 0) & (1 << (i % 32))) !== 0;
  }

  add(i: number): void {
    const at = Math.floor(i / 32);
    this.#words[at] = (this.#words[at] ?? 0) | (1 << (i % 32));
  }

  delete(i: number): void {
    const at = Math.floor(i / 32);
    this.#words[at] = (this.#words[at] ?? 0) & ~(1 << (i % 32));
  }
}

const MATCH: Step = { kind: "match" };

/** This stands in the list of what is to be tried where a pair has been tried out. */
const TRIED = -1;

/** What is known of one text. */
class Run {
  readonly #steps: readonly Step[];
  readonly #text: string;
  readonly #nPlaces: number;
  /** Pairs that lead to no match, or are being tried. No pair leads to itself. */
  readonly #failed: Bits;
  /** Pairs inside of conditions that lead to a match. */
  readonly #succeeded: Bits | undefined;
  #left: number;

  constructor(steps: readonly Step[], text: string) {
    this.#steps = steps;
    this.#text = text;
    this.#nPlaces = text.length + 1;
    this.#left = STEPS_BESIDES + STEPS_PER_CHARACTER * text.length;
    const nPairs = steps.length * this.#nPlaces;
    if (nPairs > MOST_PAIRS) {
      const most = Math.floor(MOST_PAIRS / steps.length);
      throw new TokenizerError("text", `at most ${most} characters`, `${text.length}`);
    }
    this.#failed = new Bits(nPairs);
    if (steps.some(({ kind }) => kind === "look")) this.#succeeded = new Bits(nPairs);
  }

  /**
   * Where the first match ends that begins with a step at a place, or −1.
   *
   * @param isCondition whether only that there is one matters, and not which
   */
  match(first: number, from: number, isCondition: boolean = false): number {
    const nPlaces = this.#nPlaces;
    const path: number[] = []; // the pairs that are being tried, each after the one before
    const todo: number[] = [first * nPlaces + from];
    for (let pair = todo.pop(); pair !== undefined; pair = todo.pop()) {
      if (pair === TRIED) {
        path.pop();
        continue;
      }
      const place = pair % nPlaces;
      const step = this.#steps[(pair - place) / nPlaces] ?? MATCH;
      const isFound = isCondition && this.#succeeded?.has(pair) === true;
      if (step.kind === "match" || isFound) {
        // What led here leads to a match, also when it is tried again.
        for (const tried of path) {
          this.#failed.delete(tried);
          if (isCondition) this.#succeeded?.add(tried);
        }
        return place;
      }
      if (this.#failed.has(pair)) continue;
      this.#spend();
      this.#failed.add(pair);
      path.push(pair);
      todo.push(TRIED);
      this.#follow(step, place, todo);
    }
    return -1;
  }

  /** Adds what comes after a step, the first to be tried last. */
  #follow(step: Step, place: number, todo: number[]): void {
    const add = (next: number, at: number): number => todo.push(next * this.#nPlaces + at);
    switch (step.kind) {
      case "character": {
        const at = step.isBackward ? this.#before(place) : place;
        const code = at < 0 ? undefined : this.#text.codePointAt(at);
        if (code === undefined || !step.set.has(code)) return;
        add(step.next, step.isBackward ? at : at + (code > 0xffff ? 2 : 1));
        return;
      }
      case "either":
        add(step.other, place);
        add(step.next, place);
        return;
      case "look": {
        const isThere = this.match(step.body, place, true) >= 0;
        if (isThere !== step.isNegative) add(step.next, place);
        return;
      }
      case "match":
    }
  }

  /** Where the character before a place begins, or −1. */
  #before(place: number): number {
    const isPair = place >= 2 && (this.#text.codePointAt(place - 2) ?? 0) > 0xffff;
    return isPair ? place - 2 : place - 1;
  }

  #spend(): void {
    if (this.#left-- > 0) return;
    const expected = `a pattern of at most ${STEPS_PER_CHARACTER} steps for each character`;
    throw new TokenizerError("text", expected, `more on ${this.#text.length} characters`);
  }
}
