/**
 * What a variant is: one way in which an engine may differ from the model at one part of each layer.
 *
 * Variants are made of the operations of the model on what the run has at hand, so that they work for
 * whatever stages a dump shows. Each file of `variants/` holds those of one family.
 *
 * Next: variants/all.ts
 * @module
 */
import type { Dims, Tensor, Weight } from "../../../engine/base/tensor.ts";
import type { Model } from "../../../engine/index.ts";
import { encodeF32 } from "../../../engine/numbers/formats.ts";
import type { Bug } from "../mutants/bugs.ts";
import type { Role, Site } from "./roles.ts";
import type { Call } from "./sites.ts";

/** An operation that a run has done. */
export interface Done extends Site {
  readonly args: readonly unknown[];
  readonly result: unknown;
}

/** What a change sees of the run that it is part of. */
export interface At extends Call {
  /** The right model. */
  readonly model: Model;
  /** What this run has done so far. */
  readonly done: readonly Done[];
  /** What the right run does. */
  readonly base: readonly Done[];
  /** The last call of a part in this run, by default in the same layer. */
  readonly find: (role: Role, layer?: number, step?: number) => Done | undefined;
  /** Its result. */
  readonly result: (role: Role, layer?: number, step?: number) => Tensor | undefined;
  /** Position of the first row. */
  readonly start: number;
  readonly tokens: readonly number[];
}

/** Gives what the wrong engine has in place of an operation's result. */
export type Change = (at: At) => unknown;

/** The parts that a variant changes. */
export type Changes = Partial<Record<Role, Change>>;

/** Kinds of relations between what should have come and what came. */
export type Relation =
  | "factor"
  | "block"
  | "shift"
  | "order"
  | "term"
  | "op"
  | "input"
  | "weights"
  | "precision"
  | "mask"
  | "choice"
  | "cut"
  | "atlas";

/** One way to differ. */
export interface Variant {
  readonly relation: Relation;
  /** What the engine does, as a clause: "q_a_layernorm is left out". */
  readonly what: string;
  readonly changes: Changes;
  /** Its number in the atlas of known mistakes, where it has one. */
  readonly bug?: Bug;
}

/** The first argument, where it is a tensor. */
export const inputOf = (at: At): Tensor => at.args[0] as Tensor;

/** The second argument, where it is a weight. */
export const weightOf = (at: At): Weight => at.args[1] as Weight;

/** The right result. */
export const rightOf = (at: At): Tensor => at.right(...at.args) as Tensor;

/** The right operation on another first argument. */
export const onInput = (at: At, x: Tensor): Tensor => at.right(x, ...at.args.slice(1)) as Tensor;

/** The right operation with another weight. */
export const withWeight = (at: At, w: Weight): Tensor =>
  at.right(at.args[0], w, ...at.args.slice(2)) as Tensor;

/** `x` with other numbers. */
export const numbers = <D extends Dims>(x: Tensor<D>, data: Tensor["data"]): Tensor<D> => ({
  ...x,
  data,
});

/** A weight with other numbers. */
export const weightLike = (
  { ops }: Model,
  { dims, shape }: Weight,
  values: ArrayLike<number>,
): Weight => ops.place(dims, shape, encodeF32(shape, Float32Array.from(values)));
