/**
 * Tells whether the regular expressions of the runtime can run a pattern in time that grows with the
 * text and no faster. They go back and try again, and a pattern can be made so that this takes for
 * ever.
 *
 * A pattern is quick when each of its alternatives is one of these, as in the files of real models.
 * `A`, `B` stand for one character of a set, `T` for a tail that may be missing.
 *
 * | alternative            | why it is quick                                                        |
 * |------------------------|------------------------------------------------------------------------|
 * | `AB`, `A{1,3}`, `A\|B` | short                                                                  |
 * | `A?B+T`, `AB+T`        | fails at once or takes all; what follows cannot fail                    |
 * | `A?B*C+T`              | may read a run of B in vain, but `A?B+C*T` comes next and takes it      |
 * | `\s*[\r\n]+`           | may read blanks in vain, but a later `\s+` takes them                   |
 * | `\s+(?!\S)`            | likewise                                                               |
 *
 * All others are run by `linear-pattern.ts`, which gives the same pieces, more slowly.
 *
 * Next: linear-pattern.ts
 * @module
 */
import type { Node, Repeat } from "./pattern-tree.ts";

/** The most parts of a short alternative that may occur or not. */
const MOST_OPTIONS = 3;
/** The most times that one of them may occur. */
const MOST_TIMES = 8;

const BLANKS = "\\p{White_Space}+";
const BEFORE_BLANKS = [
  "\\p{White_Space}*[\\r\\n]+",
  "\\p{White_Space}*[\r\n]+",
  "\\p{White_Space}+(?!\\P{White_Space})",
];

/** Whether the runtime's regular expressions can run this pattern; see the top of this file. */
export function isQuick(pattern: Node): boolean {
  const options = pattern.kind === "choice" ? pattern.options : [pattern];
  return options.every((option, i) => {
    const later = options.slice(i + 1);
    return (
      isShort(option) ||
      isRun(option) ||
      isCaughtRun(option, later[0]) ||
      (BEFORE_BLANKS.includes(print(option)) && later.some((next) => print(next) === BLANKS))
    );
  });
}

/** Whether a part matches a few characters, in a few ways. */
function isShort(node: Node): boolean {
  let nOptions = 0;
  const visit = (part: Node): boolean => {
    switch (part.kind) {
      case "atom":
        return true;
      case "sequence":
        return part.items.every(visit);
      case "choice":
        return part.options.every((option) => itemsOf(option).every(isAtom));
      case "repeat":
        if (part.min !== part.max) nOptions++;
        return part.max <= MOST_TIMES && (isAtom(part.body) || part.max === 1) && visit(part.body);
      case "look":
        return false;
    }
  };
  return visit(node) && nOptions <= MOST_OPTIONS;
}

/** `A?B+T` */
function isRun(node: Node): boolean {
  const [run, ...tail] = withoutFirst(itemsOf(node));
  return manyOf(run, 1) !== undefined && tail.every(isTail);
}

/** `A?B*C+T`, where `A?B+C*T` comes next. */
function isCaughtRun(node: Node, next: Node | undefined): boolean {
  const items = itemsOf(node);
  const [one, two, ...tail] = withoutFirst(items);
  const [first, second] = [manyOf(one, 0), manyOf(two, 1)];
  if (!first || !second || !tail.every(isTail) || !next) return false;
  const before = items.slice(0, items.length - tail.length - 2);
  const caught = [...before, { ...first, min: 1 }, { ...second, min: 0 }, ...tail];
  return print({ kind: "sequence", items: caught }) === print(next);
}

/** The items without the character, or the character that may be missing, at the beginning. */
function withoutFirst(items: readonly Node[]): readonly Node[] {
  const [first] = items;
  const isOption = first?.kind === "repeat" && first.max === 1 && isAtom(first.body);
  return first && (isOption || isAtom(first)) ? items.slice(1) : items;
}

/** The part, if it is a run of one set that takes what it can. */
function manyOf(node: Node | undefined, min: number): Repeat | undefined {
  if (node === undefined || node.kind !== "repeat" || node.isLazy) return undefined;
  const isMany = node.min === min && node.max === Number.POSITIVE_INFINITY && isAtom(node.body);
  return isMany ? node : undefined;
}

/** A part that may be missing, so it cannot fail. */
function isTail(node: Node): boolean {
  if (manyOf(node, 0)) return true;
  const isOption = node.kind === "repeat" && node.min === 0 && node.max === 1;
  return isOption && isShort(node.body);
}

function isAtom(node: Node): boolean {
  return node.kind === "atom";
}

function itemsOf(node: Node): readonly Node[] {
  return node.kind === "sequence" ? node.items : [node];
}

/** A part as text again, to compare it. */
function print(node: Node): string {
  switch (node.kind) {
    case "atom":
      return node.source;
    case "sequence":
      return node.items.map(print).join("");
    case "choice":
      return `(?:${node.options.map(print).join("|")})`;
    case "repeat": {
      const { body, min, max, isLazy } = node;
      const times = max === Number.POSITIVE_INFINITY && min < 2 ? "*+"[min] : `{${min},${max}}`;
      return `${print(body)}${times}${isLazy ? "?" : ""}`;
    }
    case "look":
      return `(?${node.isAhead ? "" : "<"}${node.isNegative ? "!" : "="}${print(node.body)})`;
  }
}
