/**
 * Rows chosen by another rule than the k largest scores.
 * @module
 */
import type { Indices, Tensor } from "../../../../engine/base/tensor.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { largestFirst, type PickRows, topKBy } from "../../mutants/wrong-ops.ts";
import { ROLES } from "../roles.ts";
import type { Change, Variant } from "../variant.ts";

type Rule = (
  visible: readonly number[],
  score: (s: number) => number,
  k: number,
  t: number,
  nS: number,
) => number[];

const ranked = (visible: readonly number[], score: (s: number) => number): number[] =>
  largestFirst([...visible], score, visible.length);

const RULES: readonly (readonly [what: string, rule: Rule, bug?: Bug | undefined])[] = [
  ...[1, 2, 3].flatMap(
    (n) =>
      [
        [
          `${n} ${n > 1 ? "rows" : "row"} too few`,
          (v, score, k) => ranked(v, score).slice(0, Math.max(1, k - n)),
        ],
        [
          `${n} ${n > 1 ? "rows" : "row"} too many`,
          (v, score, k) => ranked(v, score).slice(0, k + n),
        ],
      ] as [string, Rule][],
  ),
  ["half as many rows", (v, score, k) => ranked(v, score).slice(0, Math.max(1, Math.floor(k / 2)))],
  ["twice as many rows", (v, score, k) => ranked(v, score).slice(0, 2 * k)],
  ["the one best row", (v, score) => ranked(v, score).slice(0, 1)],
  ["all rows that a query sees (dense attention)", (v) => [...v], "G32"],
  ["the smallest scores", (v, score, k) => ranked(v, (s) => -score(s)).slice(0, k)],
  ["the largest magnitudes", (v, score, k) => ranked(v, (s) => Math.abs(score(s))).slice(0, k)],
  ["the last rows (a window)", (v, _score, k) => v.slice(-k)],
  [
    "the k + 1 best without the best",
    (v, score, k) => (v.length > k ? ranked(v, score).slice(1, k + 1) : [...v]),
  ],
  [
    "equal scores by the larger position",
    (v, score, k) => [...v].sort((a, b) => score(b) - score(a) || b - a).slice(0, k),
    "G27",
  ],
  ["always its own row, and the best others", (v, score, k) => always(v, score, k, v.slice(-1))],
  ["always row 0, and the best others", (v, score, k) => always(v, score, k, v.slice(0, 1))],
  [
    "always row 0 and its own, and the best others",
    (v, score, k) => always(v, score, k, [...new Set([...v.slice(0, 1), ...v.slice(-1)])]),
  ],
  ...[2, 4, 8].map(
    (n) =>
      [
        `always the last ${n} rows, and the best others`,
        (v, score, k) => always(v, score, k, v.slice(-Math.min(n, k))),
      ] as [string, Rule],
  ),
  [
    "never its own row",
    (v, score, k) => ranked(v.length > 1 ? v.slice(0, -1) : v, score).slice(0, k),
  ],
  ["never row 0", (v, score, k) => ranked(v.length > 1 ? v.slice(1) : v, score).slice(0, k)],
  [
    "only scores above zero",
    (v, score, k) =>
      ranked(v, score)
        .slice(0, k)
        .filter((s) => score(s) > 0),
  ],
  [
    "no score of exactly zero",
    (v, score, k) =>
      ranked(v, score)
        .slice(0, k)
        .filter((s) => score(s) !== 0),
    "G27",
  ],
  [
    "positions that are one too large",
    (v, score, k, t) =>
      ranked(v, score)
        .slice(0, k)
        .map((s) => Math.min(s + 1, t)),
  ],
  [
    "positions that are one too small",
    (v, score, k) =>
      ranked(v, score)
        .slice(0, k)
        .map((s) => Math.max(s - 1, 0)),
  ],
  [
    "positions counted from the query's own",
    (v, score, k, t) =>
      ranked(v, score)
        .slice(0, k)
        .map((s) => t - s),
  ],
  ["every second row", (v, _score, k) => v.filter((s) => s % 2 === 0).slice(-k)],
  ...[2, 4, 8, 16].map(
    (n) =>
      [
        `whole blocks of ${n} rows, by their best score`,
        (v, score, k) => blocks(v, score, k, n),
      ] as [string, Rule],
  ),
  ...[2, 4, 8, 16].map(
    (n) =>
      [
        `only among the last ${n} rows`,
        (v, score, k) => ranked(v.slice(-n), score).slice(0, k),
      ] as [string, Rule],
  ),
  ...[2, 4, 8, 16].map(
    (n) =>
      [
        `only among the first ${n} rows`,
        (v, score, k) => ranked(v.slice(0, n), score).slice(0, k),
      ] as [string, Rule],
  ),
];

function always(
  v: readonly number[],
  score: (s: number) => number,
  k: number,
  must: readonly number[],
): number[] {
  const rest = ranked(
    v.filter((s) => !must.includes(s)),
    score,
  );
  return [...must, ...rest].slice(0, Math.max(k, must.length));
}

function blocks(
  v: readonly number[],
  score: (s: number) => number,
  k: number,
  n: number,
): number[] {
  const best = (block: number): number =>
    Math.max(...v.filter((s) => Math.floor(s / n) === block).map(score));
  const order = [...new Set(v.map((s) => Math.floor(s / n)))].sort(
    (a, b) => best(b) - best(a) || a - b,
  );
  return order
    .flatMap((block) => v.filter((s) => Math.floor(s / n) === block))
    .slice(0, Math.max(n, k));
}

const byRule =
  (rule: Rule): Change =>
  (at) => {
    const [scores, k] = at.args as [Tensor<[string, "S"]>, number];
    const nS = scores.shape[1];
    const pick =
      (t: number): PickRows =>
      (visible, score) =>
        rule(visible, score, k, t, nS);
    return topKOf(scores, (t) => pick(t));
  };

/** Rows of each query by its own rule; as wide as the widest of them. */
function topKOf(scores: Tensor<[string, "S"]>, pick: (t: number) => PickRows): Indices {
  let t = -1;
  const chosen = topKBy((visible, score) => pick(++t)(visible, score, visible.length))(
    scores,
    scores.shape[1],
  );
  return tight(chosen);
}

/** Without columns that no row uses. */
function tight(rows: Indices): Indices {
  const [nT, nK] = rows.shape;
  const list = Array.from({ length: nT }, (_, t) =>
    [...new Set(rows.data.subarray(t * nK, (t + 1) * nK))].filter((s) => s >= 0),
  );
  return rowsOf(rows, list);
}

/** Lists of rows as a choice, as wide as the longest of them. */
export function rowsOf(like: Indices, list: readonly (readonly number[])[]): Indices {
  const width = Math.max(1, ...list.map((row) => row.length));
  const data = new Int32Array(list.length * width).fill(-1);
  for (const [t, row] of list.entries()) {
    data.set(
      [...row].sort((a, b) => a - b),
      t * width,
    );
  }
  return { ...like, shape: [list.length, width], data };
}

export const ruleVariants: readonly Variant[] = RULES.map(
  ([what, rule, bug]): Variant => ({
    relation: "choice",
    what: `${ROLES.topK} takes ${what}`,
    changes: { topK: byRule(rule) },
    ...(bug && { bug }),
  }),
);
