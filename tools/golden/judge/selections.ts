/**
 * Two engines chose different rows or experts: is it explained by their rounding, or a bug?
 *
 * With scores `s`, bounds `E` on how far an engine's own scores may be from them, and sets A (ours)
 * and B (the oracle's): explained iff `max_{B\A}(s − E) ≤ min_{A\B}(s + E)`. An engine whose scores
 * are within `E` and that chooses correctly always passes, so a failure proves a bug. The same must
 * hold with A and B exchanged: it always does where B has the largest scores, and tells a right
 * choice from that of a mutant which goes by something else.
 * @module
 */
import type { GoldenTensor } from "../case/case.ts";

/** How selections of one stage compare, over all its rows. */
export interface SelectionReport {
  readonly rows: number;
  /** Rows with the same set. */
  readonly equal: number;
  readonly explained: number;
  readonly unexplained: number;
}

/**
 * Compares sets row by row; negative entries are padding.
 *
 * @param scores oracle scores `[rows, candidates]`; without them nothing can be explained
 * @param bounds same shape as `scores`
 */
export function compareSelections(
  ours: GoldenTensor,
  oracle: GoldenTensor,
  scores: GoldenTensor | undefined,
  bounds: ArrayLike<number> | undefined,
): SelectionReport {
  const [rows, width] = oracle.shape;
  const setOf = (x: GoldenTensor, t: number): Set<number> =>
    new Set([...x.data.subarray(t * width, (t + 1) * width)].filter((s) => s >= 0));
  let equal = 0;
  let explained = 0;
  for (let t = 0; t < rows; t++) {
    const a = setOf(ours, t);
    const b = setOf(oracle, t);
    const onlyOurs = [...a].filter((s) => !b.has(s));
    const onlyOracle = [...b].filter((s) => !a.has(s));
    if (onlyOurs.length === 0 && onlyOracle.length === 0) equal++;
    else if (scores && bounds && onlyOurs.length === onlyOracle.length) {
      const at = t * scores.shape[1];
      const least = (set: readonly number[]): number =>
        Math.max(...set.map((s) => scores.data[at + s] - bounds[at + s]));
      const most = (set: readonly number[]): number =>
        Math.min(...set.map((s) => scores.data[at + s] + bounds[at + s]));
      if (least(onlyOracle) <= most(onlyOurs) && least(onlyOurs) <= most(onlyOracle)) explained++;
    }
  }
  return { rows, equal, explained, unexplained: rows - equal - explained };
}

/** The tensors of one run that the bound of its index scores is made of. */
export interface IndexerInputs {
  readonly q: GoldenTensor;
  readonly k: GoldenTensor;
  readonly w: GoldenTensor;
}

/**
 * Bound on `|I_ours − I_oracle|` from the measured differences of what goes in:
 * `scale · Σ_h |w_h| (‖dq_h‖‖k‖ + ‖q_h‖‖dk‖ + ‖dq_h‖‖dk‖) + |dw_h| max(0, q'_h·k')`, and one f32
 * rounding on the store (the rectifier is 1-Lipschitz).
 */
export function indexScoreBound(
  ours: IndexerInputs,
  oracle: IndexerInputs,
  scores: GoldenTensor,
): Float64Array {
  const [nT, nH, nD] = oracle.q.shape;
  const nS = oracle.k.shape[0];
  const scale = nH ** -0.5 * nD ** -0.5;
  const norm = (x: GoldenTensor, row: number): number => Math.sqrt(sumSq(x, row, nD));
  const qNorm = rows(nT * nH, (r) => norm(oracle.q, r));
  const qOff = rows(nT * nH, (r) => distance(ours.q, oracle.q, r, nD));
  const kNorm = rows(nS, (s) => norm(oracle.k, s));
  const kOff = rows(nS, (s) => distance(ours.k, oracle.k, s, nD));
  const bounds = new Float64Array(nT * nS);
  for (let t = 0; t < nT; t++) {
    for (let s = 0; s <= Math.min(t, nS - 1); s++) {
      let sum = 0;
      for (let h = 0; h < nH; h++) {
        const r = t * nH + h;
        const w = Math.abs(oracle.w.data[r]);
        const dw = Math.abs(ours.w.data[r] - oracle.w.data[r]);
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
export function routerScoreBound(ours: GoldenTensor, oracle: GoldenTensor): Float64Array {
  return Float64Array.from(
    oracle.data,
    (logit, i) => 0.25 * Math.abs(ours.data[i] - logit) + 2 ** -50,
  );
}

function rows(n: number, value: (row: number) => number): Float64Array {
  return Float64Array.from({ length: n }, (_, row) => value(row));
}

function sumSq(x: GoldenTensor, row: number, n: number): number {
  let sum = 0;
  for (let i = row * n; i < (row + 1) * n; i++) sum += x.data[i] ** 2;
  return sum;
}

function distance(x: GoldenTensor, y: GoldenTensor, row: number, n: number): number {
  let sum = 0;
  for (let i = row * n; i < (row + 1) * n; i++) sum += (x.data[i] - y.data[i]) ** 2;
  return Math.sqrt(sum);
}
