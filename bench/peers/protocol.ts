/**
 * What all engines are asked to do.
 * @module
 */

/** How often each thing is measured; the median counts. */
export const ROUNDS = 3;

/** Tokens that are decoded at each context, one by one. */
export const DECODED = 16;

/** What a process prints. */
export interface Measured {
  readonly engine: string;
  readonly version: string;
  /** Seconds until the model was there. */
  readonly loaded: number;
  /** By number of tokens: tokens per second, and the likeliest token after the last. */
  readonly prefill: Readonly<Record<string, { readonly rate: number; readonly best: number }>>;
  /** By context: tokens per second. */
  readonly decode: Readonly<Record<string, number>>;
}

/** The token at a position: the same text for everybody, of no meaning. */
export function tokenAt(position: number): number {
  return 2 + ((position * position * 31 + position * 7) % 32000);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

export function argmax(x: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < x.length; i++) if (x[i] > x[best]) best = i;
  return best;
}
