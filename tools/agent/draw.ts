/**
 * Draws words, numbers and templates for a dialogue, either those of the training or those held out.
 *
 * Next: exchange.ts
 * @module
 */
import { type Random, seededRandom } from "../../engine/generate/random.ts";
import { madeUpWord, PEOPLE, PLACES, QUALITIES, THINGS, type Words } from "./words.ts";

/** How many of a list's templates are held out: its last ones. */
const HELD_OUT_TEMPLATES = 2;

/** A source of random words. */
export class Draw {
  readonly isHeldOut: boolean;
  readonly random: Random;

  readonly #vocabulary: readonly string[];

  /** @param vocabulary more words, whose spelling the training teaches */
  constructor(seed: number, isHeldOut: boolean, vocabulary: readonly string[] = []) {
    this.random = seededRandom(seed);
    this.isHeldOut = isHeldOut;
    this.#vocabulary = vocabulary;
  }

  /** Returns a whole number of `[0, end)`. */
  below(end: number): number {
    return Math.floor(this.random() * end);
  }

  /** Returns true in this share of the calls. */
  chance(share: number): boolean {
    return this.random() < share;
  }

  /** Returns one of a list. */
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** Returns some of a list, all different, in random order. */
  some<T>(list: readonly T[], n: number): T[] {
    return this.shuffled(list).slice(0, n);
  }

  /** Returns a list in random order. */
  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }

  /** Returns one of the templates, each `{0}`, `{1}` … filled in. The last two are held out. */
  say(templates: readonly string[], ...values: readonly (string | number)[]): string {
    const border = templates.length - HELD_OUT_TEMPLATES;
    const pool = this.isHeldOut ? templates.slice(border) : templates.slice(0, border);
    return fill(this.of(pool), ...values);
  }

  word(list: Words): string {
    return this.of(this.isHeldOut ? list.heldOut : list.trained);
  }

  words(list: Words, n: number): string[] {
    return this.some(this.isHeldOut ? list.heldOut : list.trained, n);
  }

  thing(): string {
    return this.word(THINGS);
  }

  person(): string {
    return this.word(PEOPLE);
  }

  place(): string {
    return this.word(PLACES);
  }

  /** Returns a thing with a word that describes it, e.g. `small red hat`. */
  described(): string {
    return `${this.word(QUALITIES)} ${this.thing()}`;
  }

  /** Returns a made-up word, a word of the vocabulary, or a thing. */
  rareWord(): string {
    if (this.chance(0.5)) return madeUpWord(this.random);
    const isAny = this.#vocabulary.length > 0 && this.chance(0.5);
    return isAny ? this.of(this.#vocabulary) : this.thing();
  }

  /** Returns a number of one to four digits. From 10 on, every fifth number is held out. */
  number(mostDigits = 4): number {
    for (;;) {
      const n = this.below(10 ** (1 + this.below(mostDigits)));
      if (n < 10 ? !this.isHeldOut || this.chance(0.1) : isHeldOutNumber(n) === this.isHeldOut) {
        return n;
      }
    }
  }
}

/** Whether the evaluation, and not the training, uses this number. */
export const isHeldOutNumber = (n: number): boolean => Math.imul(n, 0x9e3779b1) >>> 0 < 2 ** 32 / 5;

/** Fills `{0}`, `{1}` … in. `{0:A}` begins with a capital letter. */
export function fill(template: string, ...values: readonly (string | number)[]): string {
  return template.replace(/\{(\d)(:A)?\}/g, (_, at: string, capital?: string) => {
    const text = String(values[Number(at)]);
    return capital ? capitalized(text) : text;
  });
}

/** Returns a text whose first letter is a capital one. */
export const capitalized = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Joins words: `a, b and c`. */
export const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
