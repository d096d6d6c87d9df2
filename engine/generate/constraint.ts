/**
 * What a text may go on with, token by token: a grammar, a schema, or a text that is given.
 *
 * A constraint follows one text. It is asked before each choice, and told of each choice.
 *
 * Next: sampler.ts
 * @module
 */
import { GlmError } from "../base/errors.ts";

/** A rule for one text, which knows how far the text has come. */
export interface Constraint {
  /**
   * The ids that may come next: id `i` may if bit `i & 31` of word `i >> 5` is set. Undefined when every
   * id may. The words hold until the next call of any method.
   *
   * @throws {ConstraintError} when no id may come, or the answer does not arrive
   */
  allowed(): Uint32Array | undefined;
  /** The text goes on with this id, which was allowed. */
  accept(id: number): void;
  /** Takes the last `n` ids back. */
  undo(n: number): void;
  /** A second constraint that stands where this one stands. */
  fork(): Constraint;
  /** Gives back what it holds. It cannot be used again. */
  close(): void;
}

/** Whether a mask allows an id. */
export function isAllowed(mask: Uint32Array, id: number): boolean {
  return ((mask[id >> 5] >>> (id & 31)) & 1) === 1;
}

/** A rule that allows no token, that cannot be understood, or whose answer did not come. */
export class ConstraintError extends GlmError {
  override readonly name = "ConstraintError";
  readonly code = "constraint";
}
