/**
 * Changes valid files by chance into hostile ones.
 * @module
 */
import type { Chance } from "./chance.ts";

const VALUES = [
  "null",
  "true",
  "-1",
  "0",
  "1e400",
  "-1e999",
  "1.5",
  "9007199254740993",
  "18446744073709551616",
  '""',
  '"\\u0000"',
  '"\\ud800"',
  "[]",
  "{}",
  "[[]]",
  '{"__proto__":{"a":1}}',
  '{"constructor":0}',
  '"../../etc/passwd"',
];

/** How long the longest inserted text is. It is rare, and near the limits of the readers. */
const LONGEST = 4_000_000;

/** A JSON text with one to four changes, or something that is hardly JSON. */
export function mutateJson(text: string, chance: Chance): Uint8Array {
  const encode = (s: string): Uint8Array => new TextEncoder().encode(s);
  switch (chance.below(40)) {
    case 0:
      return encode("[".repeat(chance.below(100_000)));
    case 1:
      return encode(`{"a":`.repeat(chance.below(100_000)));
    case 2:
      return encode(`${text.slice(0, -1)},"z":"${"z".repeat(chance.below(LONGEST))}"}`);
    case 3: {
      const keys = Array.from({ length: chance.below(200_000) }, (_, i) => `"k${i}":0`);
      return encode(`{${keys.join()}}`);
    }
    case 4:
      return encode(`[${"0,".repeat(chance.below(LONGEST / 2))}0]`);
    case 5:
      return mutateBytes(encode(text), chance);
    default: {
      let changed = text;
      for (let n = 1 + chance.below(4); n > 0; n--) changed = changeJson(changed, chance);
      return encode(changed);
    }
  }
}

/** One change at a value, a key or anywhere. */
function changeJson(text: string, chance: Chance): string {
  const splice = (at: number, length: number, put: string): string =>
    text.slice(0, at) + put + text.slice(at + length);
  const values = [
    ...text.matchAll(/(?<=[:[,]\s*)("(?:[^"\\]|\\.)*"(?!\s*:)|-?[\d.]+|true|false|null)/g),
  ];
  const keys = [...text.matchAll(/"(?:[^"\\]|\\.)*"(?=\s*:)/g)];
  if (values.length === 0 || keys.length === 0) {
    return splice(chance.below(text.length + 1), 1, chance.pick(VALUES));
  }
  const [value, key] = [chance.pick(values), chance.pick(keys)];
  switch (chance.below(6)) {
    case 0:
    case 1:
      return splice(value.index, value[0].length, chance.pick(VALUES));
    case 2:
      return splice(value.index, value[0].length, chance.pick(values)[0]);
    case 3:
      return splice(
        key.index,
        key[0].length,
        chance.pick([...keys.map(([k]) => k), '"__proto__"']),
      );
    case 4:
      return splice(key.index, 0, `${chance.pick(keys)[0]}:${chance.pick(VALUES)},`);
    default:
      return splice(chance.below(text.length), chance.below(30), "");
  }
}

/** Bytes with flips, a cut, a doubled piece, or other bytes at the beginning. */
export function mutateBytes(bytes: Uint8Array, chance: Chance): Uint8Array {
  const changed = Uint8Array.from(bytes);
  switch (chance.below(5)) {
    case 0:
      return changed.subarray(0, chance.below(bytes.length));
    case 1: {
      const at = chance.below(bytes.length);
      changed.copyWithin(at, chance.below(bytes.length));
      return changed;
    }
    case 2:
      for (let i = 0; i < 16; i++) changed[i] = chance.below(256);
      return changed;
    default:
      // Most of what is checked stands at the beginning.
      for (let n = 1 + chance.below(8); n > 0; n--) {
        const at = chance.below(chance.below(2) ? bytes.length : Math.min(bytes.length, 4000));
        changed[at] ^= 1 << chance.below(8);
      }
      return changed;
  }
}

const ATOMS = ["a", "b", "[ab]", "\\p{L}", "\\s", "\\S", "[^\\s]", "1", "😀", "\\p{N}"];
const TIMES = ["", "", "*", "+", "?", "{2,}", "{1,9}", "*?", "+?", "{3}", "{1,1000}"];

/** A pattern of nested repetitions, which would make a matcher that tries all ways explode. */
export function randomPattern(chance: Chance, depth: number = 4): string {
  const part = (): string => {
    const kind = depth > 0 ? chance.below(6) : 0;
    const times = chance.pick(TIMES);
    if (kind === 4) return `(?:${randomPattern(chance, depth - 1)})${times}`;
    if (kind === 5) {
      return `${chance.pick(["(?=", "(?!", "(?<=", "(?<!"])}${randomPattern(chance, depth - 1)})`;
    }
    return chance.pick(ATOMS) + times;
  };
  const sequence = (): string => Array.from({ length: 1 + chance.below(4) }, part).join("");
  return Array.from({ length: 1 + chance.below(3) }, sequence).join("|");
}
