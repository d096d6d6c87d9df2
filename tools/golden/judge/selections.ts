/**
 * Two engines chose different rows or experts: is it explained by their rounding, or a bug?
 *
 * Let `s` be the expected scores, `E` the bounds on how far an engine's own scores may be from them, A
 * the set that was got and B the set that was wanted. The difference is explained exactly if
 * `max_{B\A}(s − E) ≤ min_{A\B}(s + E)`. An engine whose scores are within `E` and that chooses
 * correctly always passes, so a failure proves a bug. The same must hold with A and B exchanged. It
 * always does where B has the largest scores; where B is the choice of a mutant, which goes by
 * something else, it tells a right choice from the mutant's. Where experts are chosen in groups,
 * groups.ts has the rule.
 * @module
 */
import type { GoldenTensor } from "../case/case.ts";
import { type Groups, isPossible } from "./groups.ts";
import { isSameSet, rowSet } from "./row-sets.ts";

/** How selections of one stage compare, over all its rows. */
export interface SelectionReport {
  /** Rows that were compared. */
  readonly rows: number;
  /** Rows with the same set. */
  readonly equal: number;
  /** Rows with another set, as rounding can make it. */
  readonly explained: number;
  /** Rows with a set that rounding cannot make. */
  readonly unexplained: number;
}

/**
 * Compares sets row by row.
 *
 * @param scores expected scores `[rows, candidates]`; without them nothing can be explained
 * @param bounds same shape as `scores`
 * @param groups where experts are chosen in groups
 */
export function compareSelections(
  got: GoldenTensor,
  want: GoldenTensor,
  scores: GoldenTensor | undefined,
  bounds: ArrayLike<number> | undefined,
  groups?: Groups,
): SelectionReport {
  const [rows, width] = want.shape;
  let equal = 0;
  let explained = 0;
  for (let t = 0; t < rows; t++) {
    const [a, b] = [rowSet(got, t, width), rowSet(want, t, width)];
    if (isSameSet(a, b)) equal++;
    else if (scores && bounds && a.size === b.size) {
      const n = scores.shape[1];
      const row = Array.from({ length: n }, (_, s) => t * n + s);
      const least = row.map((at) => scores.data[at] - bounds[at]);
      const most = row.map((at) => scores.data[at] + bounds[at]);
      const isTurned = groups
        ? [a, b].every((set) => isPossible(set, least, most, groups))
        : canTurn(a, b, least, most);
      if (isTurned) explained++;
    }
  }
  return { rows, equal, explained, unexplained: rows - equal - explained };
}

/** Whether each of two sets can be chosen in place of the other. */
function canTurn(
  a: ReadonlySet<number>,
  b: ReadonlySet<number>,
  least: readonly number[],
  most: readonly number[],
): boolean {
  const onlyA = [...a].filter((s) => !b.has(s));
  const onlyB = [...b].filter((s) => !a.has(s));
  const isLegal = (some: readonly number[], others: readonly number[]): boolean =>
    Math.max(...others.map((s) => least[s])) <= Math.min(...some.map((s) => most[s]));
  return isLegal(onlyA, onlyB) && isLegal(onlyB, onlyA);
}

/** The tensors of one run that the bound of its index scores is made of. */
export interface IndexerInputs {
  readonly q: GoldenTensor;
  readonly k: GoldenTensor;
  readonly w: GoldenTensor;
}

/**
 * Bound on `|I_got − I_want|` from the measured differences of what goes in:
 * `scale · Σ_h |w_h| (‖dq_h‖‖k‖ + ‖q_h‖‖dk‖ + ‖dq_h‖‖dk‖) + |dw_h| max(0, q'_h·k')`, and one f32
 * rounding on the store (the rectifier is 1-Lipschitz).
 */
export function indexScoreBound(
  got: IndexerInputs,
  want: IndexerInputs,
  scores: GoldenTensor,
): Float64Array {
  const [nT, nH, nD] = want.q.shape;
  const nS = want.k.shape[0];
  const scale = nH ** -0.5 * nD ** -0.5;
  const qNorm = rows(nT * nH, (r) => norm(want.q, r, nD));
  const qOff = rows(nT * nH, (r) => rowDistance(got.q, want.q, r, nD));
  const kNorm = rows(nS, (s) => norm(want.k, s, nD));
  const kOff = rows(nS, (s) => rowDistance(got.k, want.k, s, nD));
  const bounds = new Float64Array(nT * nS);
  for (let t = 0; t < nT; t++) {
    for (let s = 0; s <= Math.min(t, nS - 1); s++) {
      let sum = 0;
      for (let h = 0; h < nH; h++) {
        const r = t * nH + h;
        const w = Math.abs(want.w.data[r]);
        const dw = Math.abs(got.w.data[r] - want.w.data[r]);
        const dot = qOff[r] * kNorm[s] + qNorm[r] * kOff[s] + qOff[r] * kOff[s];
        sum += w * dot + dw * (qNorm[r] + qOff[r]) * (kNorm[s] + kOff[s]);
      }
      bounds[t * nS + s] = sum * scale + Math.abs(scores.data[t * nS + s]) * 2 ** -23;
    }
  }
  return bounds;
}

/**
 * Bound on the biased router score `sigmoid(ℓ) + b` from the measured differences of the logits:
 * the sigmoid's slope is ¼ at most.
 */
export function routerScoreBound(got: GoldenTensor, want: GoldenTensor): Float64Array {
  return Float64Array.from(
    want.data,
    (logit, i) => 0.25 * Math.abs(got.data[i] - logit) + 2 ** -50,
  );
}

function rows(n: number, value: (row: number) => number): Float64Array {
  return Float64Array.from({ length: n }, (_, row) => value(row));
}

/** The Euclidean length of a row of `n` numbers. */
function norm(x: GoldenTensor, row: number, n: number): number {
  let sum = 0;
  for (let i = row * n; i < (row + 1) * n; i++) sum += x.data[i] ** 2;
  return Math.sqrt(sum);
}

/** The Euclidean length of the difference of two rows. */
function rowDistance(x: GoldenTensor, y: GoldenTensor, row: number, n: number): number {
  let sum = 0;
  for (let i = row * n; i < (row + 1) * n; i++) sum += (x.data[i] - y.data[i]) ** 2;
  return Math.sqrt(sum);
}
