/**
 * Turns the texts of options into numbers. The whole text must be a number in the allowed range:
 * `1x`, `1e3` for an integer, `NaN` and the empty text are refused.
 * @module
 */
import { InvalidArgumentError } from "commander";

/** Makes a parser of integers `from … to`. */
export function integer(from: number, to: number = Number.MAX_SAFE_INTEGER) {
  const what =
    to === Number.MAX_SAFE_INTEGER ? `an integer of ${from} or more` : `an integer ${from} … ${to}`;
  return (text: string): number => {
    const value = Number(text);
    if (!/^-?[0-9]+$/.test(text) || !(value >= from && value <= to)) throw expected(what);
    return value;
  };
}

/** Makes a parser of decimal numbers that `ok` accepts; `what` describes those in the error. */
export function decimal(what: string, ok: (x: number) => boolean) {
  return (text: string): number => {
    const value = Number(text);
    const isDecimal = /^-?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text);
    if (!isDecimal || !Number.isFinite(value) || !ok(value)) throw expected(what);
    return value;
  };
}

/** Parses a decimal number above 0. */
export const POSITIVE = decimal("a number above 0", (x) => x > 0);

/** Parses integers of 0 or more, with commas between them. */
export function integerList(text: string): number[] {
  const parse = integer(0);
  const items = text.split(",").map((item) => item.trim());
  if (items.some((item) => !/^[0-9]+$/.test(item))) throw expected("integers like 1,2,3");
  return items.map(parse);
}

/** Parses integers and ranges of them: `0,2` or `0-10`. Ascending, each once. */
export function rangeList(text: string): number[] {
  const numbers = text.split(",").flatMap((item) => {
    const [, first, last = first] = /^\s*([0-9]{1,6})(?:-([0-9]{1,6}))?\s*$/.exec(item) ?? [];
    if (first === undefined || Number(last) < Number(first))
      throw expected("integers like 0,2 or 0-10");
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Parses names with commas between them. */
export function nameList(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw expected("names like a,b");
  return names;
}

const TOKENS = new Map([
  ["", 1],
  ["K", 2 ** 10],
  ["M", 2 ** 20],
]);

/** Parses and sorts numbers of tokens like `4096,128K,1M`. K is 1024, as usual for contexts. */
export function tokenCounts(text: string): number[] {
  const what = "numbers of tokens like 4096,128K,1M";
  const counts = text.split(",").map((item) => scaled(item.trim(), TOKENS, what));
  return [...new Set(counts)].sort((a, b) => a - b);
}

const BYTES = new Map([["B", 1]]);
["K", "M", "G", "T"].forEach((prefix, i) => {
  BYTES.set(`${prefix}B`, 1000 ** (i + 1)).set(`${prefix}iB`, 1024 ** (i + 1));
});

/** Parses a number of bytes like `512MB` or `24GiB`. */
export function byteSize(text: string): number {
  return scaled(text, BYTES, "a size like 512MB, 24GB or 24GiB");
}

/** Parses a positive number with a unit behind it, and rounds the product down. */
function scaled(text: string, units: ReadonlyMap<string, number>, what: string): number {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)([a-zA-Z]*)$/.exec(text) ?? [];
  const factor = units.get(unit ?? "?");
  const value = factor === undefined ? 0 : Math.floor(Number(number) * factor);
  if (!(value >= 1 && value <= Number.MAX_SAFE_INTEGER)) throw expected(what);
  return value;
}

function expected(what: string): InvalidArgumentError {
  return new InvalidArgumentError(`Expected ${what}.`);
}
