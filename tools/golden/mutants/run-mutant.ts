/**
 * A mutant on one case.
 * @module
 */
import { ShapeError } from "../../../engine/base/tensor.ts";
import type { CaseInfo, CaseModel, GoldenTensor } from "../case/case.ts";
import { traceCase } from "../case/expectation.ts";
import type { Mutant } from "./mutant.ts";

/**
 * Every stage of the run, in the order of the model. Undefined where the mistake breaks the run
 * itself, as by choosing rows that there are not: such an engine leaves no dump.
 */
export function runMutant(
  mutant: Pick<Mutant, "change" | "chunk">,
  right: CaseModel,
  info: CaseInfo,
): Map<string, GoldenTensor> | undefined {
  return unlessBroken(() => {
    const tensors = traceCase(mutant.change(right), info, mutant.chunk);
    return new Map(tensors.map((tensor) => [tensor.name, tensor]));
  });
}

/** What `run` gives; undefined where a mistake makes it impossible to run on. */
export function unlessBroken<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError || error instanceof ShapeError) return undefined;
    throw error;
  }
}
