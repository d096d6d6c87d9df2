/**
 * Prints JSON as Python does: `json.dumps(value, ensure_ascii=False)`, character for character.
 *
 * The model was trained on prompts that Python rendered. So there are blanks after colons and
 * commas, and 2.0 stays 2.0. A number that was read from JSON text is printed as Python prints it
 * after reading the same text: an integer with all its digits, any other number as the shortest
 * decimal of its double (`1e20` is `1e+20`, `2.50` is `2.5`). A JavaScript number is printed as if
 * it had been read from its own JSON text.
 *
 * Next: messages.ts
 * @see CPython `Lib/json/encoder.py`; `Python/pystrtod.c`, format `r`
 * @module
 */
import { entriesOf, type Json, JsonNumber, type JsonObject } from "./json-value.ts";

/** Prints `value` as `json.dumps(value, ensure_ascii=False)` does. */
export function pythonJson(value: Json): string {
  if (value === null) return "null";
  if (typeof value === "string") return quote(value);
  if (value instanceof JsonNumber) return pythonNumber(value.source);
  if (typeof value === "number") return pythonNumber(String(value));
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  const items = entriesOf(value as JsonObject).map(([k, v]) => `${quote(k)}: ${pythonJson(v)}`);
  return `{${items.join(", ")}}`;
}

/** Prints `text` as a JSON string. */
export function quote(text: string): string {
  return `"${escapeJson(text)}"`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};

/**
 * Escapes the inside of a JSON string. A text may be escaped in parts.
 *
 * `JSON.stringify` would not do: it escapes lone surrogates, and Python does not.
 */
export function escapeJson(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be escaped
  return text.replace(/["\\\u0000-\u001f]/g, (char) => {
    const code = char.charCodeAt(0).toString(16).padStart(4, "0");
    return SHORT_ESCAPES[char] ?? `\\u${code}`;
  });
}

/** Prints the number that Python reads from the JSON text `source`. */
export function pythonNumber(source: string): string {
  if (/^-?\d+$/.test(source)) return source === "-0" ? "0" : source;
  return pythonFloat(Number(source));
}

// Python's float repr has an exponent outside 1e-4 … 1e16, JavaScript's outside 1e-6 … 1e21.
const FIRST_EXPONENT = 16;
const LAST_NEGATIVE_EXPONENT = -4;

/** Prints `repr(x)` of a float. Both languages use the fewest digits that read back as `x`. */
export function pythonFloat(x: number): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
  if (x === 0) return Object.is(x, -0) ? "-0.0" : "0.0";
  const [mantissa = "", power = ""] = Math.abs(x).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(power);
  const sign = x < 0 ? "-" : "";
  if (exponent < LAST_NEGATIVE_EXPONENT || exponent >= FIRST_EXPONENT) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

/** The blanks of `str.strip()`. JavaScript's `trim` lacks U+001C–1F and U+0085 and has U+FEFF. */
const PYTHON_BLANK =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const ENDS_BLANK = new RegExp(`^[${PYTHON_BLANK}]$`);

/** A newline alone, for Python's `text.strip("\n")`. */
export const ENDS_LINE: RegExp = /^\n$/;

/** Returns Python's `text.strip()`, or strips other characters. */
export function pythonStrip(text: string, stripped: RegExp = ENDS_BLANK): string {
  // One regex for both ends would not do: `[…]+$` is quadratic on long runs of blanks in the text.
  let start = 0;
  let end = text.length;
  while (start < end && stripped.test(text.charAt(start))) start++;
  while (end > start && stripped.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}
