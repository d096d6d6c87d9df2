/**
 * Classes of engines, by the number formats that they compute in. How far rounding takes an engine
 * depends on them, so every bound of a case is given for each class.
 * @module
 */

/** Classes of engines that a case has an envelope for, the finest first; {@link ROUNDS} says what each rounds. */
export const CLASSES = ["f32", "f16-cache", "f16-attention", "int8-cache", "bf16"] as const;

/** One of {@link CLASSES}. */
export type EngineClass = (typeof CLASSES)[number];

/** One value for each class of engine. */
export type PerClass<T> = Readonly<Record<EngineClass, T>>;

/** What an engine of each class rounds beside f32, in words. */
export const ROUNDS: PerClass<string> = {
  f32: "nothing: everything is in f32",
  "f16-cache": "cached rows to f16, and the queries inside the product with them",
  "f16-attention": "to f16 what attention reads and gives: cached rows, queries, its sums",
  "int8-cache": "cached rows to int8 with scales, or to bf16",
  bf16: "to bf16 weights, activations and cached rows",
};
