/**
 * Makes the models of tests into open models, like those that a user of the library has.
 * @module
 */
import type { Model, SamplingOptions } from "../../engine/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import { Glm } from "../../tools/library/glm.ts";

/** An open model that was not read from files. */
export function glmOf(model: Model, tokenizer?: Tokenizer, sampling: SamplingOptions = {}): Glm {
  return new Glm({
    model,
    arithmetic: "of a test",
    close: async () => {},
    opened: tokenizer && { tokenizer, textStart: [] },
    sampling,
    asides: [],
    source: { name: "of a test", backend: "reference" },
  });
}

/** Runs a generator to its end. Returns everything it yielded, and its return value. */
export async function drain<T, R>(steps: AsyncGenerator<T, R>): Promise<[T[], R]> {
  const seen: T[] = [];
  for (let step = await steps.next(); ; step = await steps.next()) {
    if (step.done) return [seen, step.value];
    seen.push(step.value);
  }
}
