/**
 * The forms that texts can have: what regular expressions, grammars and JSON schemas are turned into.
 *
 * Next: network.ts
 * @module
 */
import type { CodePoints } from "./code-points.ts";

/** A form of texts. */
export type Form =
  /** This text. */
  | { readonly kind: "text"; readonly text: string }
  /** One character of a set. */
  | { readonly kind: "character"; readonly of: CodePoints }
  /** One part after the other. */
  | { readonly kind: "sequence"; readonly parts: readonly Form[] }
  /** One of the parts; of no parts, no text. */
  | { readonly kind: "choice"; readonly parts: readonly Form[] }
  /** The part, `min` … `max` times; undefined: as often as you like. */
  | {
      readonly kind: "repeat";
      readonly part: Form;
      readonly min: number;
      readonly max: number | undefined;
    }
  /** What a rule of this name says. */
  | { readonly kind: "rule"; readonly name: string };

/** A form, and the rules that it and they refer to. */
export interface Rules {
  readonly root: Form;
  readonly rules: ReadonlyMap<string, Form>;
}

/** This text. */
export function text(text: string): Form {
  return { kind: "text", text };
}

/** One character of a set. */
export function character(of: CodePoints): Form {
  return { kind: "character", of };
}

/** One part after the other. */
export function sequence(...parts: readonly Form[]): Form {
  return parts.length === 1 ? (parts[0] as Form) : { kind: "sequence", parts };
}

/** One of the parts. */
export function choice(...parts: readonly Form[]): Form {
  return parts.length === 1 ? (parts[0] as Form) : { kind: "choice", parts };
}

/** The part, `min` … `max` times; without `max`, as often as you like. */
export function repeat(part: Form, min: number, max?: number): Form {
  return { kind: "repeat", part, min, max };
}

/** The part, or nothing. */
export function optional(part: Form): Form {
  return repeat(part, 0, 1);
}

/** What a rule says. */
export function rule(name: string): Form {
  return { kind: "rule", name };
}

/** Beginnings of beginnings that are written once. */
const MAX_BRANCHES = 32;

/** One of these texts, and nothing else. What several begin with is written once. */
export function oneOf(texts: Iterable<string>): Form {
  const inOrder = [...new Set(texts)].sort();
  return branch(inOrder.map((one) => [...one]));
}

/**
 * @param texts the characters of texts, of which those that begin alike are neighbours
 * @param at where they begin to differ, at the earliest
 */
function branch(texts: readonly (readonly string[])[], at = 0, nAbove = 0): Form {
  const rest = (one: readonly string[]) => text(one.slice(at).join(""));
  if (texts.length < 2 || nAbove === MAX_BRANCHES) return choice(...texts.map(rest));
  const [first = [], last = []] = [texts[0], texts.at(-1)];
  let end = at;
  while (end < first.length && first[end] === last[end]) end++;
  const groups: [begin: string | undefined, ...(readonly string[])[]][] = [];
  for (const one of texts) {
    const group = groups.at(-1);
    if (group && group[0] === one[end]) group.push(one);
    else groups.push([one[end], one]);
  }
  const branches = groups.map(([, ...group]) => branch(group, end, nAbove + 1));
  return sequence(text(first.slice(at, end).join("")), choice(...branches));
}
