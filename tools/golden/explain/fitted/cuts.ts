/**
 * Numbers cut off at a limit, in steps of a size, or a constant.
 * @module
 */
import type { Fit, Grid } from "./relation.ts";
import { plain } from "./relation.ts";

export function cuts({ a }: Grid): Fit[] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const x of a) {
    if (!Number.isFinite(x)) continue;
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  return [
    {
      relation: "cut",
      what: `is cut off above ${plain(high)}`,
      nFree: 1,
      make: (e) => e.map((x) => Math.min(x, high)),
    },
    {
      relation: "cut",
      what: `is cut off below ${plain(low)}`,
      nFree: 1,
      make: (e) => e.map((x) => Math.max(x, low)),
    },
    {
      relation: "cut",
      what: `is cut off outside ${plain(low)} … ${plain(high)}`,
      nFree: 2,
      make: (e) => e.map((x) => Math.min(high, Math.max(x, low))),
    },
  ];
}
