/**
 * A function that was applied once too often: to each number, or along a row of each head.
 * @module
 */
import type { Floats } from "../../../../engine/base/tensor.ts";
import type { Fit, Grid } from "./relation.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const OF_EACH: readonly (readonly [string, (x: number) => number])[] = [
  ["the sigmoid", sigmoid],
  ["the tanh", Math.tanh],
  ["the ReLU", (x) => Math.max(0, x)],
  ["the SiLU", (x) => x * sigmoid(x)],
  ["the absolute value", Math.abs],
  ["the exponential", Math.exp],
  ["the square", (x) => x * x],
  ["the softplus", (x) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)))],
];

/** The largest number that is one, and the sum of the exponentials beside it. */
function spread(row: readonly number[]): { most: number; sum: number } {
  const finite = row.filter(Number.isFinite);
  const most = Math.max(...finite);
  return { most, sum: finite.reduce((sum, x) => sum + Math.exp(x - most), 0) };
}

const OF_ROWS: readonly (readonly [string, (row: readonly number[]) => readonly number[]])[] = [
  [
    "the softmax",
    (row) => {
      const { most, sum } = spread(row);
      return row.map((x) => Math.exp(x - most) / sum);
    },
  ],
  [
    "the logarithm of the softmax",
    (row) => {
      const { most, sum } = spread(row);
      return row.map((x) => x - most - Math.log(sum));
    },
  ],
  [
    "the RMS norm",
    (row) => {
      const rms = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / row.length);
      return row.map((x) => x / (rms || 1));
    },
  ],
];

/** What came is a function of what should have come. */
export function functions({ nH, nC }: Grid): Fit[] {
  const byRow =
    (length: number, of: (row: readonly number[]) => readonly number[]): Fit["make"] =>
    (e) => {
      const out = Float64Array.from(e);
      for (let at = 0; at < out.length; at += length) {
        out.set(of([...out.subarray(at, at + length)]), at);
      }
      return out;
    };
  const madeOf = (what: string, make: (e: Floats, nT: number) => Floats): Fit => ({
    relation: "op",
    what: `is ${what} of what it should be`,
    nFree: 0,
    make,
  });
  return [
    ...OF_EACH.map(([name, of]) => madeOf(name, (e) => Float64Array.from(e, of))),
    ...OF_ROWS.map(([name, of]) => madeOf(name, byRow(nH * nC, of))),
    ...(nH > 1 ? OF_ROWS.map(([name, of]) => madeOf(`${name}, head by head,`, byRow(nC, of))) : []),
  ];
}
