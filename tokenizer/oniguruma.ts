/**
 * Translates an Oniguruma pattern into the source of an equal JavaScript pattern, for the flags
 * `gu`.
 *
 * The pre-tokenizer patterns of Hugging Face files are written for the Oniguruma library. As
 * JavaScript they would mean something else, or be errors:
 *
 * | Oniguruma   | JavaScript                | why it must change                                    |
 * |-------------|---------------------------|-------------------------------------------------------|
 * | `\s` `\S`   | `\p{White_Space}` `\P{…}` | JS `\s` has U+FEFF and lacks U+0085                   |
 * | `\d` `\D`   | `\p{Nd}` `\P{Nd}`         | JS `\d` is ASCII                                      |
 * | `(?i:'s)`   | `(?:'[sSſ])`              | a syntax error before Node 23; folds as Unicode does  |
 * | `\p{Han}`   | `\p{Script=Han}`          | JS wants the name of the property                     |
 * | `(…)`       | `(?:…)`                   | nothing is captured                                   |
 *
 * Literals, alternatives, lookaround, plain classes, `* + ? {n} {n,} {n,m}` and the lazy forms
 * mean the same in both. Everything else (anchors, `.`, `\w`, possessive and atomic groups, set
 * operations, back references) is refused: no file tested here needs it.
 *
 * Next: normalize.ts
 * @see kkos/oniguruma `doc/RE`, `doc/SYNTAX.md` · ECMA-262 §22.2.1
 * @module
 */
import { show, TokenizerError } from "./tokenizer-error.ts";

/** The beginning of a group: plain, lookaround, or case-insensitive. */
const GROUP = /^\((?:\?(?:[:=!]|<[=!]|i:)|(?!\?))/;
/**
 * A quantifier. `{n}?`, which means "n or none" in Oniguruma, and possessive forms are left out.
 */
const QUANTIFIER = /^(?:[*+?]\??|\{\d+\}|\{\d+,\d*\}\??)(?![*+?{])/;
/** An escape, or a class up to the first `]` that is not escaped, or one code point. */
const ATOM = /^(?:\\[pP]\{[^}]*\}|\\[^pP]|\[(?:\\.|[^\\\]])+\]|[^\\[])/su;
/** One item of a class. */
const CLASS_ITEM = /\\[pP]\{[^}]*\}|\\[^pP]|[^\\]/gsu;

/** The general categories, in the short form that both dialects share. */
const CATEGORY = /^(?:C[cfnos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/;
/** Escapes that stand for sets of characters, and the sets that they are in Oniguruma. */
const SETS: Readonly<Record<string, string>> = {
  "\\s": "\\p{White_Space}",
  "\\S": "\\P{White_Space}",
  "\\d": "\\p{Nd}",
  "\\D": "\\P{Nd}",
};
/** Escapes that name one character and are spelled alike in both dialects. */
const CONTROLS: readonly string[] = ["\\r", "\\n", "\\t", "\\f"];

/** The characters outside ASCII that fold to an ASCII letter: U+017F LONG S, U+212A KELVIN SIGN. */
const FOLDS_TO: Readonly<Record<string, string>> = { s: "\u017f", k: "\u212a" };
/**
 * Pairs of letters that a ligature or ß folds to: ignoring case, they would have to match it too.
 */
const FOLDED_PAIRS: readonly string[] = ["ff", "fi", "fl", "ss", "st"];

/**
 * Translates `pattern`. The RegExp constructor checks what the two dialects have in common.
 *
 * @param path where the pattern comes from, for the error
 * @throws {TokenizerError} at the first construct outside the table above
 */
export function translateOniguruma(pattern: string, path: string): string {
  const refuse: Refuse = (what) => {
    throw new TokenizerError(
      path,
      "a pattern of the known constructs",
      `${what} in ${show(pattern)}`,
    );
  };
  let rest = pattern;
  const eat = (length: number): string => {
    const eaten = rest.slice(0, length);
    rest = rest.slice(length);
    return eaten;
  };

  let out = "";
  const folds = [false]; // per open group: are its literals case-insensitive?
  let lastFolded = "";
  while (rest !== "") {
    const isFolding = folds.at(-1) === true;
    const group = GROUP.exec(rest)?.[0];
    if (group !== undefined) {
      eat(group.length);
      folds.push(isFolding || group === "(?i:");
      out += group === "(" || group === "(?i:" ? "(?:" : group;
      continue; // a group's start takes no quantifier
    }
    if (rest.startsWith("|")) {
      out += eat(1);
      lastFolded = "";
      continue;
    }
    if (rest.startsWith(")")) {
      folds.pop();
      if (folds.length === 0) refuse("an unopened )");
      out += eat(1);
    } else {
      const atom = ATOM.exec(rest)?.[0] ?? refuse(show(rest.slice(0, 4)));
      eat(atom.length);
      if (isFolding) {
        lastFolded = (lastFolded + atom.toLowerCase()).slice(-2);
        if (FOLDED_PAIRS.includes(lastFolded)) refuse(`(?i:${lastFolded})`);
      }
      out += isFolding ? foldedAtom(atom, refuse) : plainAtom(atom, refuse);
    }
    out += eat(QUANTIFIER.exec(rest)?.[0].length ?? 0);
  }
  if (folds.length > 1) refuse("an unclosed (");
  return out;
}

/** Throws the error that names the construct. */
type Refuse = (what: string) => never;

/** Translates an atom that heeds case. */
function plainAtom(atom: string, refuse: Refuse): string {
  if (atom.startsWith("[")) return characterClass(atom, refuse);
  if (/^[.^$*+?(){}\]]$/.test(atom)) refuse(`a bare ${atom}`);
  return escapeSequence(atom, refuse);
}

/** Translates a literal that ignores case, as a class of all characters that fold to it. */
function foldedAtom(atom: string, refuse: Refuse): string {
  if (/^[a-zA-Z]$/.test(atom)) {
    const lower = atom.toLowerCase();
    return `[${lower}${lower.toUpperCase()}${FOLDS_TO[lower] ?? ""}]`;
  }
  // Other ASCII characters fold to themselves. For sets and other letters, the whole table of
  // Unicode would be needed.
  if (/^[!"#%&',/:;<=>@_`~ 0-9-]$/.test(atom)) return atom;
  return refuse(`${atom} inside (?i:…)`);
}

/** Translates `[…]`, item by item. Oniguruma reads `[` and `&&` inside as nested sets. */
function characterClass(atom: string, refuse: Refuse): string {
  const isNegated = atom.startsWith("[^");
  const body = atom.slice(isNegated ? 2 : 1, -1);
  if (body === "" || body.includes("&&")) refuse(atom);
  const items = body.match(CLASS_ITEM) ?? [];
  const translated = items.map((item, i) => {
    if (item === "[") return refuse("a nested [");
    // Between two items a dash makes a range; at either end it is itself.
    if (item === "-") return i === 0 || i === items.length - 1 ? "\\-" : "-";
    if (item === "\\-") return item; // an escape that JavaScript knows only in a class
    return item.startsWith("\\") ? escapeSequence(item, refuse) : item.replace(/[\^$]/, "\\$&");
  });
  return `[${isNegated ? "^" : ""}${translated.join("")}]`;
}

/** Translates an escape sequence or one literal character. */
function escapeSequence(atom: string, refuse: Refuse): string {
  if (!atom.startsWith("\\")) return atom;
  const set = SETS[atom];
  if (set !== undefined) return set;
  const property = /^\\([pP])\{(.*)\}$/s.exec(atom);
  if (property !== null) return propertyEscape(property[1] ?? "", property[2] ?? "", refuse);
  if (CONTROLS.includes(atom)) return atom;
  const literal = atom.slice(1);
  if (/^[a-zA-Z0-9]$/.test(literal)) refuse(atom);
  // JavaScript allows a needless escape only of its own syntax characters.
  return /^[\^$\\.*+?()[\]{}|/]$/.test(literal) ? atom : literal;
}

/** Translates `\p{…}` of a category or a script. Other names differ between the dialects. */
function propertyEscape(letter: string, name: string, refuse: Refuse): string {
  if (CATEGORY.test(name)) return `\\${letter}{${name}}`;
  const script = `\\${letter}{Script=${name}}`;
  try {
    new RegExp(script, "u");
    return script;
  } catch {
    return refuse(`\\${letter}{${name}}`);
  }
}
