/**
 * The forms of JSON values, as Python prints them: a blank after each comma and colon, none elsewhere.
 *
 * Two things are narrower than JSON. No number is longer than what a double holds, because one that is
 * larger would be read as a text. No `\u` escape names half of a character, because a text of such halves
 * has another length than it seems.
 *
 * Next: vet-schema.ts
 * @module
 */
import { ALL, type CodePoints, charactersOf, codePoints, without } from "./code-points.ts";
import {
  character,
  choice,
  type Form,
  oneOf,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from "./forms.ts";

/** Decimal digits. */
export const DIGIT: Form = character(codePoints([0x30, 0x39]));
/** Decimal digits without 0. */
export const DIGIT_1_9: Form = character(codePoints([0x31, 0x39]));

/** Digits of an integer: those that 64 bits hold. */
const MAX_INTEGER_DIGITS = 18;
/** Digits before and after the point of a number, and of its exponent. */
const MAX_DIGITS = 16;
const MAX_EXPONENT_DIGITS = 2;

const ZERO: Form = text("0");

/** Any integer. */
export const ANY_INTEGER: Form = choice(
  ZERO,
  sequence(optional(text("-")), DIGIT_1_9, repeat(DIGIT, 0, MAX_INTEGER_DIGITS - 1)),
);

/** Any number. */
export const ANY_NUMBER: Form = sequence(
  optional(text("-")),
  choice(ZERO, sequence(DIGIT_1_9, repeat(DIGIT, 0, MAX_DIGITS - 1))),
  optional(sequence(text("."), repeat(DIGIT, 1, MAX_DIGITS))),
  optional(
    sequence(oneOf(["e", "E"]), optional(oneOf(["+", "-"])), repeat(DIGIT, 1, MAX_EXPONENT_DIGITS)),
  ),
);

/** Characters that a JSON string holds as escapes alone. */
const ESCAPED: CodePoints = codePoints([0, 0x1f], ...charactersOf('"\\'));
const HEX = character(charactersOf("0123456789abcdefABCDEF"));
const HEX_BUT_D = character(charactersOf("0123456789abcefABCEF"));
const UNICODE_ESCAPE = sequence(
  text("u"),
  choice(
    sequence(HEX_BUT_D, HEX, HEX, HEX),
    sequence(oneOf(["d", "D"]), character(codePoints([0x30, 0x37])), HEX, HEX),
  ),
);

/** One character inside a JSON string, in each of its spellings. */
const STRING_CHARACTER: Form = choice(
  character(without(ALL, ESCAPED)),
  sequence(text("\\"), choice(character(charactersOf('"\\/bfnrt')), UNICODE_ESCAPE)),
);

/** A JSON string of so many characters. */
export function stringForm(min: number, max: number | undefined): Form {
  const isAny = min === 0 && max === undefined;
  return isAny ? ANY_STRING : quoted(repeat(STRING_CHARACTER, min, max));
}

/** A JSON string around the inside of one. */
export function quoted(inside: Form): Form {
  return sequence(text('"'), inside, text('"'));
}

/** The spelling of the texts of a form inside a JSON string. The form must refer to no rules. */
export function inString(form: Form): Form {
  switch (form.kind) {
    case "text":
      return text(JSON.stringify(form.text).slice(1, -1));
    case "character": {
      const plain = without(form.of, ESCAPED);
      const escaped = without(form.of, without(form.of, ESCAPED)).flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i)),
      );
      return choice(character(plain), ...escaped.map((char) => inString(text(char))));
    }
    case "sequence":
    case "choice":
      return { ...form, parts: form.parts.map(inString) };
    case "repeat":
      return { ...form, part: inString(form.part) };
    case "rule":
      return form;
  }
}

/** `[a, b, …]`, or whatever stands between the brackets. */
export function list(inside: Form): Form {
  return sequence(text("["), inside, text("]"));
}

/** `min` … `max` items, with commas between them. */
export function items(item: Form, min: number, max: number | undefined): Form {
  if (max === 0) return sequence();
  const more = sequence(text(", "), item);
  const some = sequence(
    item,
    repeat(more, Math.max(0, min - 1), max === undefined ? undefined : max - 1),
  );
  return min === 0 ? optional(some) : some;
}

/** The names of the rules of any value. */
const ANY = "any value";
const ANY_OBJECT = "any object";
const STRING = "any string";

/** Any JSON value. */
export const ANY_VALUE: Form = rule(ANY);
/** Any JSON string. */
export const ANY_STRING: Form = rule(STRING);
/** Any JSON object. */
export const OBJECT: Form = rule(ANY_OBJECT);

/** The rules that the three refer to. */
export const ANY_RULES: ReadonlyMap<string, Form> = new Map([
  [STRING, quoted(repeat(STRING_CHARACTER, 0))],
  [
    ANY,
    choice(
      ANY_NUMBER,
      ANY_STRING,
      oneOf(["true", "false", "null"]),
      list(items(ANY_VALUE, 0, undefined)),
      OBJECT,
    ),
  ],
  [
    ANY_OBJECT,
    sequence(
      text("{"),
      items(sequence(ANY_STRING, text(": "), ANY_VALUE), 0, undefined),
      text("}"),
    ),
  ],
]);
