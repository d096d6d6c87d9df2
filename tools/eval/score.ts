/**
 * How well tasks were answered, and how certain that number is.
 * @module
 */
import type { Task } from "./tasks.ts";

/** Returns the likeliest next token after each of the last `last` tokens of `ids`. */
export type Predict = (ids: readonly number[], last: number) => Promise<readonly number[]>;

/**
 * The share of answer tokens that are the likeliest ones. Each is predicted after the right tokens
 * before it, even if an earlier prediction was wrong (teacher forcing).
 */
export async function score({ prompt, answer }: Task, predict: Predict): Promise<number> {
  const predicted = await predict([...prompt, ...answer.slice(0, -1)], answer.length);
  return answer.filter((id, i) => predicted[i] === id).length / answer.length;
}

/** Wilson's 95 % interval of the share `hits / n`. When `n` is 0, it is the whole range 0 … 1. */
export function wilson(hits: number, n: number): readonly [low: number, high: number] {
  if (n === 0) return [0, 1];
  const z = 1.959963984540054;
  const p = hits / n;
  const middle = p + (z * z) / (2 * n);
  const half = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}
