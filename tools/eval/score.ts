/**
 * How well a task was answered, and how sure that is.
 * @module
 */
import type { Task } from "./tasks.ts";

/** The likeliest next token after each of the last `last` of `ids`. */
export type Predict = (ids: readonly number[], last: number) => readonly number[];

/** Teacher-forced: the share of answer tokens that are the likeliest after the right prefix. */
export function score({ prompt, answer }: Task, predict: Predict): number {
  const predicted = predict([...prompt, ...answer.slice(0, -1)], answer.length);
  return answer.filter((id, i) => predicted[i] === id).length / answer.length;
}

/** Wilson's 95 % interval of a share of `hits` in `n`; all of 0 … 1 when `n` is 0. */
export function wilson(hits: number, n: number): readonly [low: number, high: number] {
  if (n === 0) return [0, 1];
  const z = 1.959963984540054;
  const p = hits / n;
  const middle = p + (z * z) / (2 * n);
  const half = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}
