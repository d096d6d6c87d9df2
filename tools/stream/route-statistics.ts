/**
 * What is typical of a run's routes: how much a token shares with the one before it, and how uneven
 * the experts' popularity is. A cache lives of both.
 * @module
 */
import type { RouteTrace } from "./route-trace.ts";

/** The share of experts that count as popular: the top 32 of GLM-5.2's 256. */
const POPULAR = 1 / 8;

/** Means over the layers. */
export interface RouteStatistics {
  /** How many experts of a token the token before it visited, too; NaN for a single token. */
  readonly sameAsLast: number;
  /** Gini coefficient of the visits per expert: 0 when all have equally many, near 1 when one has all. */
  readonly gini: number;
  /** The share of visits that go to the most popular eighth of the experts. */
  readonly popular: number;
  /** How many experts are visited at least once. */
  readonly distinct: number;
}

/** The statistics of one layer, by its place in {@link RouteTrace.layers}. */
export function layerStatistics(trace: RouteTrace, layer: number): RouteStatistics {
  const { experts, layers, nActive, nExperts, nTokens } = trace;
  const visits = new Float64Array(nExperts);
  let nSame = 0;
  let before: ReadonlySet<number> = new Set();
  for (let t = 0; t < nTokens; t++) {
    const at = (t * layers.length + layer) * nActive;
    const row = [...experts.subarray(at, at + nActive)];
    for (const e of row) {
      visits[e]++;
      if (before.has(e)) nSame++;
    }
    before = new Set(row);
  }
  visits.sort(); // ascending
  const all = nTokens * nActive;
  const weighted = visits.reduce((sum, n, i) => sum + (i + 1) * n, 0);
  const popular = visits.subarray(nExperts - Math.ceil(POPULAR * nExperts));
  return {
    sameAsLast: nSame / (nTokens - 1),
    gini: (2 * weighted) / (nExperts * all) - (nExperts + 1) / nExperts,
    popular: popular.reduce((sum, n) => sum + n, 0) / all,
    distinct: visits.filter((n) => n > 0).length,
  };
}

/** The means over all layers. */
export function routeStatistics(trace: RouteTrace): RouteStatistics {
  const all = trace.layers.map((_, layer) => layerStatistics(trace, layer));
  const mean = (value: (one: RouteStatistics) => number): number =>
    all.reduce((sum, one) => sum + value(one), 0) / all.length;
  return {
    sameAsLast: mean((one) => one.sameAsLast),
    gini: mean((one) => one.gini),
    popular: mean((one) => one.popular),
    distinct: mean((one) => one.distinct),
  };
}
