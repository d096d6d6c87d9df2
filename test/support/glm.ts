/**
 * Models of tests as a library user has them open.
 * @module
 */
import type { Model, SamplingOptions } from "../../engine/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import { Glm } from "../../tools/library/glm.ts";

/** An open model that came from nowhere. */
export function glmOf(model: Model, tokenizer?: Tokenizer, sampling: SamplingOptions = {}): Glm {
  return new Glm({
    model,
    arithmetic: "of a test",
    close: async () => {},
    opened: tokenizer && { tokenizer, textStart: [] },
    sampling,
    source: { name: "of a test", backend: "reference" },
  });
}

/** All that a generator gives, and what it returns. */
export async function drain<T, R>(steps: AsyncGenerator<T, R>): Promise<[T[], R]> {
  const seen: T[] = [];
  for (let step = await steps.next(); ; step = await steps.next()) {
    if (step.done) return [seen, step.value];
    seen.push(step.value);
  }
}
