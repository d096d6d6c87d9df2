/**
 * What an explanation must explain: the first wrong stage of a dump beside what the model makes of the
 * inputs that the dump has right, and how much of the difference other numbers explain.
 *
 * Next: search.ts
 * @module
 */
import type { Bound } from "../case/bounds.ts";
import type { GoldenTensor } from "../case/case.ts";
import { MASKED, magnitudeOf } from "../judge/distance.ts";
import { isSameSet, rowSet } from "../judge/row-sets.ts";

/** How well other numbers, or another choice, explain a wrong stage. */
export interface Match {
  /** How much of the squared difference is explained, or of the rows that choose otherwise. */
  readonly share: number;
  /** What is left is as small as rounding can make it, or nothing. */
  readonly isExact: boolean;
  /** It explains the rows that are off, but does not leave the others as they are. */
  readonly isPartial: boolean;
}

/** Bounds are this many times as wide here, because a wrong model may carry rounding further. */
const ROOM = 2;

/** The first wrong stage, or its first rows. */
export interface Target {
  readonly stage: string;
  readonly got: GoldenTensor;
  readonly want: GoldenTensor;
  readonly bound: Bound;
  /** Rows that are compared; later ones may have other inputs. */
  readonly rows: number;
  /** Those of them that are off. */
  readonly off: readonly number[];
}

const widthOf = ({ shape, data }: GoldenTensor): number => data.length / shape[0];

/** Masked scores have no number; they stand this far below the others, in units of the largest. */
const BELOW = 4;

/** The numbers of a row; masked ones, and what is no number, at a distance that counts. */
function cell(x: number, unit: number): number {
  if (x < MASKED) return -BELOW * unit;
  return Number.isFinite(x) ? x : BELOW * unit;
}

/** Puts both sides together and finds the rows that are off. */
export function targetOf(
  stage: string,
  got: GoldenTensor,
  want: GoldenTensor,
  bound: Bound,
  rows: number,
): Target {
  const target = { stage, got, want, bound, rows, off: [] };
  const all = Array.from({ length: rows }, (_, t) => t);
  if (want.data instanceof Int32Array) {
    return { ...target, off: all.filter((t) => !isSameRow(got, want, t)) };
  }
  const unit = magnitudeOf(want.data) || 1;
  const n = widthOf(want);
  const isOff = (t: number): boolean => {
    for (let i = t * n; i < (t + 1) * n; i++) {
      const far = Math.abs(cell(got.data[i], unit) - cell(want.data[i], unit));
      if (!(far <= bound.largest * unit)) return true;
    }
    return false;
  };
  return { ...target, off: all.filter(isOff) };
}

const isSameRow = (a: GoldenTensor, b: GoldenTensor, t: number): boolean =>
  isSameSet(rowSet(a, t, widthOf(a)), rowSet(b, t, widthOf(b)));

/** How well `made` explains the target. A stage of another shape explains nothing. */
export function matchOf(target: Target, made: GoldenTensor | undefined): Match {
  const none = { share: 0, isExact: false, isPartial: false };
  if (!made || made.shape[0] < target.rows) return none;
  if (target.want.data instanceof Int32Array) return choiceMatch(target, made);
  if (widthOf(made) !== widthOf(target.want)) return none;
  return numberMatch(target, made);
}

function choiceMatch({ got, rows, off }: Target, made: GoldenTensor): Match {
  const isOff = new Set(off);
  let [explained, broken] = [0, 0];
  for (let t = 0; t < rows; t++) {
    const isSame = isSameRow(got, made, t);
    if (isOff.has(t)) explained += Number(isSame);
    else broken += Number(!isSame);
  }
  const share = off.length > 0 ? explained / off.length : 0;
  return { share, isExact: share === 1 && broken <= off.length / 4, isPartial: broken > 0 };
}

function numberMatch({ got, want, bound, rows, off }: Target, made: GoldenTensor): Match {
  const unit = magnitudeOf(want.data) || 1;
  const n = widthOf(want);
  const wide = widthOf(got);
  if (wide !== n) return { share: 0, isExact: false, isPartial: false };
  const isOff = new Set(off);
  let [before, left, rest, largest] = [0, 0, 0, 0];
  for (let t = 0; t < rows; t++) {
    for (let i = t * n; i < (t + 1) * n; i++) {
      const a = cell(got.data[i], unit);
      const far = a - cell(made.data[i], unit);
      if (isOff.has(t)) {
        before += (a - cell(want.data[i], unit)) ** 2;
        left += far * far;
        largest = Math.max(largest, Math.abs(far));
      } else rest += far * far;
    }
  }
  const within = (sum: number, nRows: number): boolean =>
    Math.sqrt(sum / Math.max(1, nRows * n)) <= ROOM * bound.rms * unit;
  return {
    share: before > 0 ? 1 - left / before : 0,
    isExact: within(left, off.length) && largest <= ROOM * bound.largest * unit,
    isPartial: !within(rest, rows - off.length),
  };
}

/** An explanation must explain at least this share of the difference. */
export const LEAST_SHARE = 0.98;

/** Where all that is left is rounding, it must still be this much nearer than the model, squared. */
const NEARER = 4;

/** Whether a match is good enough to be told. */
export const isGood = ({ share, isExact }: Match): boolean =>
  share >= LEAST_SHARE || (isExact && share >= 1 - 1 / NEARER);
