/**
 * Do two engines run the same model? Their logits after the same tokens say it.
 * @module
 */
import { argmax } from "../../engine/generate/sampler.ts";
import type { Floats } from "../../engine/index.ts";
import { klDivergence } from "../../tools/convert/divergence.ts";
import { median } from "./protocol.ts";

/** How far an engine is from the one that counts as right. */
export interface Agreement {
  readonly positions: number;
  /** Share of positions where both find the same token likeliest. */
  readonly top1: number;
  /** Kullback-Leibler divergence from the right one, in nats: the mean over positions. */
  readonly meanKl: number;
  /** The middle one. A choice of experts that tips over at a few positions does not move it. */
  readonly medianKl: number;
}

/** How far an engine may be off. The likeliest of random numbers are near-ties: no limit on them. */
export type Limit = Pick<Agreement, "meanKl" | "medianKl">;

/** An engine that runs another model, as far as one can see; the message says how far off it is. */
export class AgreementError extends Error {
  override readonly name = "AgreementError";
}

/**
 * Compares position by position. What is added to a whole row does not count, so rows may hold
 * logits or logarithms of probabilities.
 *
 * @param skipped ids that are left out, as if they were not in the vocabulary
 * @throws {AgreementError} when the rows are not as many, or not as long
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

/** @throws {AgreementError} when `found` is beyond the limit, or is no number */
export function demand(name: string, found: Agreement, limit: Limit): void {
  if (found.meanKl <= limit.meanKl && found.medianKl <= limit.medianKl) return;
  const [mean, middle] = [found.meanKl, found.medianKl].map((kl) => kl.toPrecision(2));
  throw new AgreementError(
    `${name} does not run the same model as our f32 run: over ${found.positions} positions expected ` +
      `a KL of ${limit.meanKl} or less on the average and of ${limit.medianKl} in the middle, ` +
      `got ${mean} and ${middle}; the likeliest token is the same at ${percent(found.top1)}`,
  );
}

/** A share for people. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Rows that lie one after another. */
export function rowsOf(bytes: Uint8Array, nRows: number): Float32Array[] {
  const all = new Float32Array(Uint8Array.from(bytes).buffer);
  const length = Math.floor(all.length / nRows);
  return Array.from({ length: nRows }, (_, t) => all.subarray(t * length, (t + 1) * length));
}
