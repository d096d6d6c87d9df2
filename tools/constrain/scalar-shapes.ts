/**
 * What a schema says about strings and numbers.
 *
 * Next: shape-forms.ts
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import { pathTo } from "../../tokenizer/chat/json-value.ts";
import { decimal, EXACT_DIGITS, type Limit } from "./number-form.ts";
import { lengthOf, patternForm } from "./pattern.ts";
import { count, numberAt, type Place, textAt, wrong } from "./schema-words.ts";
import type { NumberShape, StringShape } from "./shape.ts";

const YEAR_MONTH_DAY = "\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\\d|2[0-8])";
const TIME = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
const BYTE = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]\\d|\\d)";
const LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HOST = `${LABEL}(\\.${LABEL}){0,3}`;

const EMAIL = `[A-Za-z0-9_+-]{1,32}(\\.[A-Za-z0-9_+-]{1,31})?@${HOST}`;
const URI = `https?://${HOST}(/[A-Za-z0-9._~-]*)*(\\?[A-Za-z0-9._~=&-]*)?`;
const POINTER = "(/[A-Za-z0-9_-]+)*";
const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

/** Strings of each format; of most of them not all. Dates end with the 28th, which every month has. */
const FORMATS: ReadonlyMap<string, string> = new Map([
  ["date", YEAR_MONTH_DAY],
  ["time", TIME],
  ["date-time", `${YEAR_MONTH_DAY}T${TIME}`],
  ["duration", "P(\\d{1,4}[YMWD]|\\d{1,4}DT\\d{1,4}[HMS]|T\\d{1,4}[HMS])"],
  ["email", EMAIL],
  ["idn-email", EMAIL],
  ["hostname", HOST],
  ["idn-hostname", HOST],
  ["ipv4", `${BYTE}(\\.${BYTE}){3}`],
  ["ipv6", "([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"],
  ["uri", URI],
  ["uri-reference", URI],
  ["uri-template", URI],
  ["iri", URI],
  ["iri-reference", URI],
  ["uuid", UUID],
  ["json-pointer", POINTER],
  ["relative-json-pointer", `(0|[1-9]\\d{0,3})${POINTER}`],
]);

/** Formats of JSON Schema that cannot be held to. Those that it does not define say nothing. */
const NOT_HELD: readonly string[] = ["regex"];

/**
 * Reads what a schema says about strings. A `format` beside a `pattern` is a note on it, and so is one that
 * JSON Schema does not define (`path`, `password`).
 *
 * @throws {ConstraintError} when it is not held to
 */
export function readString(place: Place): StringShape {
  const { path } = place;
  const minLength = count(place, "minLength") ?? 0;
  const maxLength = count(place, "maxLength");
  if ((maxLength ?? minLength) < minLength) wrong(place, "maxLength", `at least ${minLength}`);
  const pattern = textAt(place, "pattern");
  const format = textAt(place, "format");
  const formatted = pattern === undefined && format !== undefined ? FORMATS.get(format) : undefined;
  if (format !== undefined && pattern === undefined && NOT_HELD.includes(format)) {
    wrong(place, "format", `one of ${[...FORMATS.keys()].join(", ")}, or a pattern beside it`);
  }
  const source = pattern ?? formatted;
  if (source === undefined) return { kind: "string", minLength, maxLength, form: undefined };
  const word = pattern === undefined ? "format" : "pattern";
  const form = patternForm(source, pathTo(path, word));
  const length = lengthOf(form);
  if (length.min < minLength || length.max > (maxLength ?? Number.POSITIVE_INFINITY)) {
    const text = `cannot be held to together with a length; say in the ${word} how long the string is`;
    throw new ConstraintError(pathTo(path, word), text);
  }
  return { kind: "string", minLength, maxLength, form };
}

/**
 * Reads what a schema says about numbers.
 *
 * @throws {ConstraintError} when it is not held to
 */
export function readNumber(place: Place, isInteger: boolean): NumberShape {
  const step = numberAt(place, "multipleOf");
  if (step !== undefined && !(isInteger && Number(step) === 1)) {
    wrong(place, "multipleOf", 'no steps (of 1: "type": "integer")');
  }
  const least = tighter(
    readLimit(place, "minimum", false),
    readLimit(place, "exclusiveMinimum", false),
    1,
  );
  const most = tighter(
    readLimit(place, "maximum", true),
    readLimit(place, "exclusiveMaximum", true),
    -1,
  );
  return { kind: "number", isInteger, least, most };
}

const FAR = 10 ** EXACT_DIGITS;
const ALMOST_FAR = String(FAR - 1);

function readLimit(place: Place, word: string, isUpper: boolean): Limit | undefined {
  const source = numberAt(place, word);
  if (source === undefined) return undefined;
  const isOpen = word.startsWith("exclusive");
  const distance = Number(source) * (isUpper ? 1 : -1);
  const isFar = distance > FAR || (distance === FAR && !isOpen);
  const at = decimal(isFar ? `${isUpper ? "" : "-"}${ALMOST_FAR}` : source);
  if (at === undefined) return wrong(place, word, `a number of at most ${EXACT_DIGITS} digits`);
  return { at, isOpen: isOpen && !isFar, isFar };
}

/** The limit that leaves less. */
function tighter(a: Limit | undefined, b: Limit | undefined, sign: 1 | -1): Limit | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const [x, y] = [limitOf(a) * sign, limitOf(b) * sign];
  if (x === y) return a.isOpen ? a : b;
  return x > y ? a : b;
}

/** The double of a limit. */
export function limitOf({ at }: Limit): number {
  return Number(`${at.isNegative ? "-" : ""}${at.whole || "0"}.${at.fraction || "0"}`);
}
