/**
 * Classes of engines, by the number formats that they compute in. How far rounding takes an engine
 * depends on them, so every bound of a case is given for each class.
 * @module
 */

/** Classes of engines that a case has an envelope for; docs/golden-pack.md says what each rounds. */
export const CLASSES = ["f32", "f16-cache", "bf16"] as const;

/** One of {@link CLASSES}. */
export type EngineClass = (typeof CLASSES)[number];

/** One value for each class of engine. */
export type PerClass<T> = Readonly<Record<EngineClass, T>>;
