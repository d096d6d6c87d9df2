/**
 * A text that is given: each of its ids in turn, and then its end.
 *
 * Next: constraint-of.ts
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import type { Matchers } from "./matchers.ts";
import { crossing, ending, type Spot } from "./spot.ts";

/**
 * Where a given text begins. After it, a stop id comes, unless the text ends with one.
 *
 * @throws {ConstraintError} when an id is outside of the vocabulary
 */
export function scriptStart(ids: readonly number[], { tokenizer, tree, stopIds }: Matchers): Spot {
  const nIds = tokenizer.paddedVocabSize;
  ids.forEach((id, i) => {
    if (Number.isInteger(id) && id >= 0 && id < nIds) return;
    throw new ConstraintError(`script: token ${i}`, `expected an id of 0 … ${nIds - 1}, got ${id}`);
  });
  const at = (i: number): Spot => {
    const next = ids[i];
    return crossing(
      tree,
      next === undefined ? ending(tree, stopIds) : new Map([[next, () => at(i + 1)]]),
    );
  };
  return at(0);
}
