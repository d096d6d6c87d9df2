/**
 * Reads JSON in which no key is there twice.
 *
 * `JSON.parse` keeps the last of two equal keys and drops the other silently. Two readers that keep
 * different ones would see two different checkpoints. So the text is checked before it is parsed.
 * @module
 */
import { WeightsError } from "./weights-error.ts";

/** Levels of brackets. A header needs 3; a hostile one nests until the memory is full. */
const MAX_DEPTH = 8;

/** Keys and brackets in one text. All of GLM-5.2-FP8 in one header would need 830,403. */
const MAX_ITEMS = 4_000_000;

/**
 * Parses UTF-8 JSON.
 *
 * @param where the beginning of every error message
 * @param numbers which numbers the text may hold: in a safetensors header all are sizes
 * @throws {WeightsError} when the bytes are not UTF-8 or not JSON, when an object names a key
 *   twice, when the text nests too deep or holds too many items to fit in memory, or when a number
 *   is not a plain size and should be
 */
export function parseJson(where: string, bytes: Uint8Array, numbers: "any" | "sizes"): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new WeightsError(where, "expected UTF-8, got other bytes");
  }
  checkTokens(where, text, numbers);
  const value = tryParse(text);
  if (value === undefined) throw new WeightsError(where, "expected JSON, got other text");
  return value;
}

/** Parses JSON, or returns undefined, which no JSON text stands for. */
function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Checks strings, numbers and brackets. Text that is not JSON may pass; the parser refuses it. */
function checkTokens(where: string, text: string, numbers: "any" | "sizes"): void {
  const open: (Set<unknown> | undefined)[] = []; // the keys of each open object; lists have none
  let nItems = 0;
  const countItem = (): void => {
    if (++nItems > MAX_ITEMS) {
      throw new WeightsError(where, `expected at most ${MAX_ITEMS} names and brackets`);
    }
  };
  let i = 0;
  while (i < text.length) {
    const begin = i;
    const c = text[i++];
    if (c === "{" || c === "[") {
      countItem();
      open.push(c === "{" ? new Set() : undefined);
      if (open.length > MAX_DEPTH) {
        throw new WeightsError(where, `expected at most ${MAX_DEPTH} nested brackets`);
      }
    } else if (c === "}" || c === "]") {
      open.pop();
    } else if (c === '"') {
      i = stringEnd(text, i);
      const keys = open.at(-1);
      if (keys === undefined || !isKey(text, i)) continue;
      countItem();
      const literal = text.slice(begin, i);
      // "a" and "\u0061" are one key.
      const key = literal.includes("\\") ? tryParse(literal) : literal.slice(1, -1);
      if (keys.has(key)) throw new WeightsError(where, `${String(key)} is there twice`);
      keys.add(key);
    } else if (numbers === "sizes" && "-0123456789".includes(c)) {
      while (i < text.length && "0123456789.eE+-".includes(text[i])) i++;
      const token = text.slice(begin, Math.min(i, begin + 40));
      if (!/^[0-9]+$/.test(token)) {
        throw new WeightsError(where, `expected a whole number >= 0, got ${token}`);
      }
    }
  }
}

/** Returns the place after the quote that closes a string, which opened just before `from`. */
function stringEnd(text: string, from: number): number {
  let i = from;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}

/** Whether the string that ends at `from` is a key: a colon follows it. */
function isKey(text: string, from: number): boolean {
  let i = from;
  while (" \n\r\t".includes(text[i]) && i < text.length) i++;
  return text[i] === ":";
}
