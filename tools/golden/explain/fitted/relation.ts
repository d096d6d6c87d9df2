/**
 * A relation between what should have come and what came, with the numbers in it taken from the two.
 *
 * Such a relation may fit by chance where it has as many numbers of its own as there are to explain. So
 * each says how many it has, and {@link sound} refuses those with too many.
 * @module
 */
import type { Floats } from "../../../../engine/base/tensor.ts";
import type { Target } from "../target.ts";
import type { Relation } from "../variant.ts";

/** The numbers of a stage by row, head and channel. */
export interface Grid {
  /** What came. */
  readonly a: Floats;
  /** What should have come. */
  readonly e: Floats;
  readonly nT: number;
  /** 1 for a stage without heads. */
  readonly nH: number;
  readonly nC: number;
}

/** A relation with its numbers. */
export interface Fit {
  readonly relation: Relation;
  /** What came, as a clause after the name of the stage: "is 2 times what it should be". */
  readonly what: string;
  /** Numbers that were taken from the stage. */
  readonly nFree: number;
  /** What the relation makes of a stage of these lengths. */
  readonly make: (e: Floats, nT: number) => Floats;
}

/** The stage as a grid, in the rows that are compared. */
export function gridOf({ got, want, rows }: Target): Grid {
  const [, second, third] = want.shape;
  const width = want.data.length / want.shape[0];
  const [nH, nC] = third === undefined ? [1, second ?? width] : [second, third];
  const cut = (x: Target["got"]["data"]): Floats => Float64Array.from(x.subarray(0, rows * width));
  return { a: cut(got.data), e: cut(want.data), nT: rows, nH, nC };
}

/** There must be so many numbers to explain for each that a relation has of its own. */
const FOR_EACH = 4;

/** Whether a relation has few numbers beside those that it explains. */
export const sound = ({ nFree }: Fit, { a, e }: Grid): boolean => {
  const nOff = a.filter((x: number, i: number) => x !== e[i]).length;
  return FOR_EACH * nFree <= nOff;
};

/** The factor by which `e` is nearest to `a`, over the indices that are kept; 0 without any. */
export function factorOf(
  { a, e }: Pick<Grid, "a" | "e">,
  keep: (i: number) => boolean = () => true,
): number {
  let [ae, ee] = [0, 0];
  for (let i = 0; i < e.length; i++) {
    if (!keep(i) || !Number.isFinite(e[i]) || !Number.isFinite(a[i])) continue;
    ae += a[i] * e[i];
    ee += e[i] * e[i];
  }
  return ee > 0 ? ae / ee : 0;
}

/** A number for people, without the noise of a fit. */
export function plain(x: number): string {
  const near = Number(x.toPrecision(4));
  return String(Math.abs(near - x) <= 2e-6 * Math.abs(x) ? near : Number(x.toPrecision(6)));
}
