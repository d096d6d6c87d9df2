/**
 * Turns the tree of a pattern into a list of steps, which `linear-pattern.ts` follows.
 *
 * @see Thompson, "Regular expression search algorithm", CACM 11 (1968)
 * @module
 */
import type { Node } from "./pattern-tree.ts";
import { TokenizerError } from "./tokenizer-error.ts";

/** One step. `next` is the number of the step after it. */
export type Step =
  | {
      readonly kind: "character";
      readonly set: CharacterSet;
      /** Whether the text is read towards its beginning, as a look behind does. */
      readonly isBackward: boolean;
      readonly next: number;
    }
  | { readonly kind: "either"; readonly next: number; readonly other: number }
  | {
      readonly kind: "look";
      readonly body: number;
      readonly isNegative: boolean;
      readonly next: number;
    }
  | { readonly kind: "match" };

/** The most steps of a pattern. Counted repetitions are written out. */
const MOST_STEPS = 2000;

/** The characters that an atom stands for. The runtime decides once for each that is asked for. */
class CharacterSet {
  readonly #pattern: RegExp;
  readonly #known = new Map<number, boolean>();

  constructor(source: string) {
    this.#pattern = new RegExp(`^${source}$`, "u");
  }

  has(code: number): boolean {
    const known = this.#known.get(code);
    if (known !== undefined) return known;
    const isIn = this.#pattern.test(String.fromCodePoint(code));
    this.#known.set(code, isIn);
    return isIn;
  }
}

/**
 * The steps of a pattern. The first is where a match begins.
 *
 * A part that is repeated must match something. So no step leads to itself at one place of the text;
 * and Oniguruma and JavaScript would disagree on what an empty repetition means.
 *
 * @throws {TokenizerError} when there are too many, or when such a part may match nothing
 */
export function compileSteps(tree: Node, path: string): readonly Step[] {
  const steps: (Step | undefined)[] = [];
  const sets = new Map<string, CharacterSet>();
  const add = (step: Step | undefined): number => {
    if (steps.length >= MOST_STEPS) {
      throw new TokenizerError(path, `a pattern of at most ${MOST_STEPS} steps`, "a longer one");
    }
    return steps.push(step) - 1;
  };
  const setOf = (source: string): CharacterSet => {
    const set = sets.get(source) ?? new CharacterSet(source);
    sets.set(source, set);
    return set;
  };
  // Steps are made from the end, so that each knows the one after it.
  const compile = (node: Node, next: number, isBackward: boolean): number => {
    switch (node.kind) {
      case "atom":
        return add({ kind: "character", set: setOf(node.source), isBackward, next });
      case "sequence": {
        const items = isBackward ? node.items : node.items.toReversed();
        return items.reduce((after, item) => compile(item, after, isBackward), next);
      }
      case "choice":
        return node.options
          .map((option) => compile(option, next, isBackward))
          .reduceRight((other, option) => add({ kind: "either", next: option, other }));
      case "look": {
        const body = compile(node.body, add({ kind: "match" }), !node.isAhead);
        return add({ kind: "look", body, isNegative: node.isNegative, next });
      }
      case "repeat": {
        const { body, min, max, isLazy } = node;
        const either = (once: number, none: number): Step =>
          isLazy
            ? { kind: "either", next: none, other: once }
            : { kind: "either", next: once, other: none };
        let after = next;
        if (min !== max && mayBeEmpty(body)) {
          const got = "one that may match nothing";
          throw new TokenizerError(path, "repeated parts that match something", got);
        }
        if (max === Number.POSITIVE_INFINITY) {
          after = add(undefined);
          steps[after] = either(compile(body, after, isBackward), next);
        } else {
          for (let i = min; i < max; i++)
            after = add(either(compile(body, after, isBackward), next));
        }
        for (let i = 0; i < min; i++) after = compile(body, after, isBackward);
        return after;
      }
    }
  };
  const start = add(undefined);
  const first = compile(tree, add({ kind: "match" }), false);
  steps[start] = { kind: "either", next: first, other: first };
  return steps as readonly Step[]; // the places that were kept free are filled
}

/** Whether a part may match without a character. */
function mayBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case "atom":
      return false;
    case "sequence":
      return node.items.every(mayBeEmpty);
    case "choice":
      return node.options.some(mayBeEmpty);
    case "repeat":
      return node.min === 0 || mayBeEmpty(node.body);
    case "look":
      return true;
  }
}
