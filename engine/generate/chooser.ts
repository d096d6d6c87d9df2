/**
 * Chooses the tokens of one text: it knows the text so far, the random numbers, and what the text is held
 * to.
 *
 * Next: speculate.ts
 * @module
 */
import type { Floats } from "../base/tensor.ts";
import type { Constraint } from "./constraint.ts";
import type { Random } from "./random.ts";
import { distribution, draw, type SamplingOptions } from "./sampler.ts";

/** How the tokens of a text are chosen. */
export interface ChoiceRule {
  readonly sampling: SamplingOptions;
  /** Ids that end the text. */
  readonly stopIds: readonly number[];
  /** No stop id is chosen before so many tokens. */
  readonly minTokens: number;
  readonly random: Random;
  readonly constraint?: Constraint | undefined;
}

/** The text so far, and the way to the next token; see the top of this file. */
export class Chooser {
  readonly #rule: ChoiceRule;
  readonly #text: number[];
  readonly #promptLength: number;
  /** The length of the text with its first stop id. What is guessed behind it is not held to anything. */
  #end = Number.POSITIVE_INFINITY;

  constructor(prompt: readonly number[], rule: ChoiceRule) {
    this.#rule = rule;
    this.#text = [...prompt];
    this.#promptLength = prompt.length;
  }

  /** The prompt, and what was chosen after it. */
  get text(): readonly number[] {
    return this.#text;
  }

  /** Where the random numbers come from. */
  get random(): Random {
    return this.#rule.random;
  }

  /** How many tokens were chosen. */
  get nChosen(): number {
    return this.#text.length - this.#promptLength;
  }

  /** Whether a stop id was chosen. */
  get isOver(): boolean {
    return this.#text.length >= this.#end;
  }

  /**
   * The probabilities of the next token.
   *
   * @throws {SamplingError} when nothing can be chosen, {ConstraintError} when nothing may be
   */
  distribution(logits: Floats): Float64Array {
    const { sampling, constraint, stopIds, minTokens } = this.#rule;
    const isEarly = this.nChosen < minTokens && stopIds.length > 0;
    const never = stopIds.map((id): [number, number] => [id, Number.NEGATIVE_INFINITY]);
    const options = isEarly
      ? { ...sampling, logitBias: new Map([...(sampling.logitBias ?? []), ...never]) }
      : sampling;
    return distribution(logits, options, this.#text, {
      promptLength: this.#promptLength,
      allowed: this.isOver ? undefined : constraint?.allowed(),
    });
  }

  /** Chooses the next token, and goes on with it. */
  choose(logits: Floats): number {
    const id = draw(this.distribution(logits), this.random);
    this.take(id);
    return id;
  }

  /** Goes on with a token. */
  take(id: number): void {
    if (!this.isOver) this.#rule.constraint?.accept(id);
    this.#text.push(id);
    if (!this.isOver && this.#rule.stopIds.includes(id)) this.#end = this.#text.length;
  }

  /** Takes the last `n` tokens back. */
  undo(n: number): void {
    const length = this.#text.length - n;
    const held = Math.min(this.#text.length, this.#end);
    if (held > length) this.#rule.constraint?.undo(held - length);
    this.#text.length = length;
    if (length < this.#end) this.#end = Number.POSITIVE_INFINITY;
  }

  /** A chooser for another text after the same prompt, before anything was chosen. */
  fork(random: Random): Chooser {
    const constraint = this.#rule.constraint?.fork();
    return new Chooser(this.#text, { ...this.#rule, random, constraint });
  }

  /** Gives back what the constraint holds. */
  close(): void {
    this.#rule.constraint?.close();
  }
}
