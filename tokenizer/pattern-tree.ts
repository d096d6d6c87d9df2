/**
 * Parses a pattern that `oniguruma.ts` has translated into a tree. The translation knows few
 * constructs, so the tree has few kinds of nodes.
 *
 * Next: quick-pattern.ts
 * @module
 */
import { show, TokenizerError } from "./tokenizer-error.ts";

/** A part of a pattern. */
export type Node =
  | { readonly kind: "atom"; readonly source: string } // one character, of a set
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "choice"; readonly options: readonly Node[] }
  | Repeat
  | Look;

/** A part that may occur several times. */
export interface Repeat {
  readonly kind: "repeat";
  readonly body: Node;
  readonly min: number;
  readonly max: number;
  /** Whether few are tried before many. */
  readonly isLazy: boolean;
}

/** A condition on what stands beside a place. */
export interface Look {
  readonly kind: "look";
  readonly body: Node;
  readonly isAhead: boolean;
  readonly isNegative: boolean;
}

/** The longest pattern. Those of real models have a twentieth of it. */
const MOST_CHARACTERS = 10_000;
/** The deepest nesting of groups. */
const MOST_GROUPS = 50;

const GROUP = /\((?:\?(?:[:=!]|<[=!]))/y;
const QUANTIFIER = /(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})(\??)/y;
const ATOM = /\\[pP]\{[^}]*\}|\\.|\[(?:\\.|[^\\\]])+\]|[^\\[\](){}*+?|]/suy;

/**
 * The tree of a pattern.
 *
 * @param path where the pattern comes from, for the error
 * @throws {TokenizerError} when it is too long or nests too deep
 */
export function parsePattern(source: string, path: string): Node {
  if (source.length > MOST_CHARACTERS) {
    const got = `one of ${source.length}`;
    throw new TokenizerError(path, `a pattern of at most ${MOST_CHARACTERS} characters`, got);
  }
  let place = 0;
  const eat = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = place;
    const found = pattern.exec(source) ?? undefined;
    if (found) place += found[0].length;
    return found;
  };
  const choice = (depth: number): Node => {
    if (depth > MOST_GROUPS) {
      throw new TokenizerError(path, `at most ${MOST_GROUPS} groups in each other`, show(source));
    }
    const first = sequence(depth);
    if (source[place] !== "|") return first;
    const options = [first];
    while (source[place] === "|") {
      place++;
      options.push(sequence(depth));
    }
    return { kind: "choice", options };
  };
  const sequence = (depth: number): Node => {
    const items: Node[] = [];
    while (place < source.length && source[place] !== "|" && source[place] !== ")") {
      items.push(quantified(item(depth), eat(QUANTIFIER)));
    }
    const [only] = items;
    return only && items.length === 1 ? only : { kind: "sequence", items };
  };
  const item = (depth: number): Node => {
    const group = eat(GROUP)?.[0];
    const atom = group === undefined ? eat(ATOM)?.[0] : undefined;
    if (atom !== undefined) return { kind: "atom", source: atom };
    if (group === undefined) throw new TokenizerError(path, "a well-formed pattern", show(source));
    const body = choice(depth + 1);
    place++; // the closing bracket, which the translation has counted
    if (group === "(?:") return body;
    const isNegative = group.endsWith("!");
    return { kind: "look", body, isAhead: !group.includes("<"), isNegative };
  };
  return choice(0);
}

function quantified(body: Node, found: RegExpExecArray | undefined): Node {
  if (!found) return body;
  const [text, low, comma, high, lazy] = found;
  const isLazy = lazy !== "";
  if (low === undefined) {
    const max = text.startsWith("?") ? 1 : Number.POSITIVE_INFINITY;
    return { kind: "repeat", body, min: text.startsWith("+") ? 1 : 0, max, isLazy };
  }
  const min = Number(low);
  const max = comma === undefined ? min : high ? Number(high) : Number.POSITIVE_INFINITY;
  return { kind: "repeat", body, min, max, isLazy };
}
