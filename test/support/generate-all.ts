/**
 * Runs a whole generation and collects its tokens.
 * @module
 */
import {
  type FinishReason,
  type GeneratedToken,
  type GenerateOptions,
  generate,
} from "../../engine/generate/generate.ts";
import type { Session } from "../../engine/generate/session.ts";

/** The result of a whole generation. */
export interface Generation {
  readonly tokens: readonly GeneratedToken[];
  readonly ids: readonly number[];
  readonly reason: FinishReason;
}

/** Runs {@link generate} to its end. */
export async function generateAll(
  session: Session,
  prompt: readonly number[],
  options: GenerateOptions,
): Promise<Generation> {
  const run = generate(session, prompt, options);
  const tokens: GeneratedToken[] = [];
  for (;;) {
    const { value, done } = await run.next();
    if (done) return { tokens, ids: tokens.map(({ id }) => id), reason: value };
    tokens.push(value);
  }
}
