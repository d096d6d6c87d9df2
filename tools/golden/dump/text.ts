/**
 * Reads a dump that any language can print:
 *
 * ```
 * # a comment
 * l_out-0 [2,3] f32
 * 0.5 -1 2e-3
 * nan inf -inf
 * ```
 *
 * A line `name [d0,d1] format` begins a tensor, with format f64, f32, f16, bf16, i32 or i64; its
 * numbers follow, separated by white space, on as many lines as you like.
 *
 * Next: dump.ts
 * @module
 */

import type { StoredDtype } from "../../../engine/weights/safetensors.ts";
import { UserError } from "../../node/user-error.ts";
import type { StoredTensor } from "./stored.ts";

const HEADER = /^(\S+)\s+\[([\d,\s]*)\]\s+(f64|f32|f16|bf16|i32|i64)$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WORDS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  "-nan": Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

/** Whether the first line that is no comment begins a tensor. */
export function isText(bytes: Uint8Array): boolean {
  const first = lines(bytes.subarray(0, 65536)).find(({ text }) => text !== "");
  return first !== undefined && HEADER.test(first.text);
}

/**
 * Reads all tensors.
 *
 * @throws {UserError} with the line, when a word is no number or a tensor has too few or too many
 */
export function readText(file: string, bytes: Uint8Array): [string, StoredTensor][] {
  const tensors: [string, StoredTensor][] = [];
  let open: { name: string; shape: number[]; dtype: StoredDtype; numbers: number[] } | undefined;
  const close = (): void => {
    if (!open) return;
    const { name, shape, dtype, numbers } = open;
    const size = shape.reduce((product, n) => product * n, 1);
    if (numbers.length !== size) {
      throw new UserError(file, `${name}: expected ${size} numbers, got ${numbers.length}`);
    }
    const data = dtype.startsWith("I") ? Int32Array.from(numbers) : Float64Array.from(numbers);
    tensors.push([name, { dtype, shape, data }]);
  };
  for (const { text, number } of lines(bytes)) {
    const header = HEADER.exec(text);
    if (header) {
      close();
      const shape = header[2].split(",").filter((part) => part.trim() !== "");
      const dtype = header[3].toUpperCase() as StoredDtype;
      open = { name: header[1], shape: shape.map(Number), dtype, numbers: [] };
      continue;
    }
    for (const word of text.split(/\s+/)) {
      if (word === "") continue;
      const value = numberOf(word);
      if (!open || value === undefined) {
        throw new UserError(
          file,
          `line ${number}: expected ${open ? "a number" : "name [d0,d1] f32"}, got ${word}`,
        );
      }
      open.numbers.push(value);
    }
  }
  close();
  return tensors;
}

function numberOf(word: string): number | undefined {
  const lower = word.toLowerCase();
  if (Object.hasOwn(WORDS, lower)) return WORDS[lower];
  return NUMBER.test(word) ? Number(word) : undefined;
}

/** Lines without comments and outer white space. */
const lines = (bytes: Uint8Array): { text: string; number: number }[] =>
  new TextDecoder()
    .decode(bytes)
    .split("\n")
    .map((line, i) => ({ text: line.replace(/#.*$/, "").trim(), number: i + 1 }));
