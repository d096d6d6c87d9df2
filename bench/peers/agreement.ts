/**
 * Checks that two engines run the same model: compares their logits after the same tokens.
 * @module
 */
import { argmax } from "../../engine/generate/sampler.ts";
import type { Floats } from "../../engine/index.ts";
import { klDivergence } from "../../tools/convert/divergence.ts";
import { median } from "./protocol.ts";

/** How far an engine is from the engine that is taken as right. */
export interface Agreement {
  /** Number of compared positions. */
  readonly positions: number;
  /** Share of positions where the likeliest token is the same. */
  readonly top1: number;
  /** Mean over positions of the Kullback-Leibler divergence, in nats. */
  readonly meanKl: number;
  /** Median of the same. A few positions with another choice of experts hardly change it. */
  readonly medianKl: number;
}

/**
 * How far an engine may be off. There is no limit for `top1`: in a model with random weights, the
 * likeliest tokens are nearly equal, and rounding exchanges them.
 */
export type Limit = Pick<Agreement, "meanKl" | "medianKl">;

/** The error when an engine seems to run another model. The message says how far off it is. */
export class AgreementError extends Error {
  override readonly name = "AgreementError";
}

/**
 * Compares two engines position by position. A row may hold logits or logarithms of probabilities,
 * because a number that is added to a whole row changes nothing.
 *
 * @param skipped ids that are ignored, as if they were not in the vocabulary
 * @throws {AgreementError} when numbers or lengths of rows differ
 */
export function agreement(
  want: readonly Floats[],
  got: readonly Floats[],
  skipped: readonly number[] = [],
): Agreement {
  const sizes = [want, got].map((rows) => `${rows.length} rows of ${rows[0]?.length ?? 0} logits`);
  if (sizes[0] !== sizes[1]) throw new AgreementError(`expected ${sizes[0]}, got ${sizes[1]}`);
  const out = new Set(skipped);
  let nSame = 0;
  const kls = want.map((row, t) => {
    const both = [row, got[t]].map((logits) => logits.filter((_, id) => !out.has(id)));
    if (argmax(both[0]) === argmax(both[1])) nSame++;
    return klDivergence(both[0], both[1]);
  });
  return {
    positions: want.length,
    top1: nSame / want.length,
    meanKl: kls.reduce((sum, kl) => sum + kl, 0) / want.length,
    medianKl: median(kls),
  };
}

/**
 * Checks an agreement against a limit.
 *
 * @throws {AgreementError} when `found` is beyond the limit, or is NaN
 */
export function demand(name: string, found: Agreement, limit: Limit): void {
  if (found.meanKl <= limit.meanKl && found.medianKl <= limit.medianKl) return;
  const [mean, middle] = [found.meanKl, found.medianKl].map((kl) => kl.toPrecision(2));
  throw new AgreementError(
    `${name} does not run the same model as our f32 run: over ${found.positions} positions expected ` +
      `a KL of ${limit.meanKl} or less on the average and of ${limit.medianKl} in the middle, ` +
      `got ${mean} and ${middle}; the likeliest token is the same at ${percent(found.top1)}`,
  );
}

/** A share as a text, in percent. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Cuts bytes into `nRows` rows of equal length. */
export function rowsOf(bytes: Uint8Array, nRows: number): Float32Array[] {
  const all = new Float32Array(Uint8Array.from(bytes).buffer);
  const length = Math.floor(all.length / nRows);
  return Array.from({ length: nRows }, (_, t) => all.subarray(t * length, (t + 1) * length));
}
