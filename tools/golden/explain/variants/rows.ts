/**
 * Rows of another query or layer than those that were chosen for it, or with one more or less.
 * @module
 */
import type { Indices, Tensor } from "../../../../engine/base/tensor.ts";
import type { LatentRows } from "../../../../engine/ops/ops.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { ROLES } from "../roles.ts";
import { type At, type Change, rightOf, type Variant } from "../variant.ts";
import { rowsOf } from "./rules.ts";

const listOf = ({ shape: [nT, nK], data }: Indices): number[][] =>
  Array.from({ length: nT }, (_, t) =>
    [...data.subarray(t * nK, (t + 1) * nK)].filter((s) => s >= 0),
  );

/** Rules that go by other rows than those of the query itself. */
const OTHERS: readonly (readonly [
  what: string,
  rows: (own: number[][], at: At) => number[][],
  bug?: Bug | undefined,
])[] = [
  ["those of the query before", (own) => own.map((row, t) => own[t - 1] ?? row), "G22"],
  ["those of the first query", (own) => own.map(() => own[0]), "G22"],
  [
    "those of the last query, as far as it sees them",
    (own, at) => own.map((row, t) => lastOf(own, at.start + t, row)),
  ],
  [
    "those of the next query, as far as it sees them",
    (own, at) => own.map((row, t) => clipped(own[t + 1] ?? row, at.start + t, row)),
  ],
  ...[4, 8, 16].map(
    (n) =>
      [
        `those of the first query of each block of ${n}`,
        (own: number[][]) => own.map((_, t) => own[t - (t % n)]),
      ] as const,
  ),
  [
    "all rows up to the query (dense attention)",
    (own, at) => own.map((_, t) => upTo(at.start + t)),
    "G22",
  ],
  [
    "the last rows up to the query (a window)",
    (own, at) => own.map((row, t) => upTo(at.start + t).slice(-row.length)),
  ],
  ["the first rows", (own) => own.map((row) => upTo(row.length - 1))],
  ["one row too few", (own) => own.map((row) => (row.length > 1 ? row.slice(0, -1) : row))],
  ["not the first of them", (own) => own.map((row) => (row.length > 1 ? row.slice(1) : row))],
  ["also its own row", (own, at) => own.map((row, t) => [...new Set([...row, at.start + t])])],
  ["also row 0", (own) => own.map((row) => [...new Set([0, ...row])])],
  [
    "all but its own row",
    (own, at) =>
      own.map((row, t) => (row.length > 1 ? row.filter((s) => s !== at.start + t) : row)),
  ],
  [
    "also the row after its own",
    (own, at) => own.map((row, t) => [...row, at.start + t + 1].filter((s) => s < nHeld(at))),
  ],
  [
    "rows one position later",
    (own, at) => own.map((row, t) => [...new Set(row.map((s) => Math.min(s + 1, at.start + t)))]),
  ],
  [
    "rows one position earlier",
    (own) => own.map((row) => [...new Set(row.map((s) => Math.max(s - 1, 0)))]),
  ],
];

const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, s) => s);
const clipped = (rows: readonly number[], t: number, own: number[]): number[] => {
  const seen = rows.filter((s) => s <= t);
  return seen.length > 0 ? seen : own;
};
const lastOf = (own: readonly number[][], t: number, row: number[]): number[] =>
  clipped(own[own.length - 1], t, row);
const nHeld = (at: At): number =>
  at.role === "topK" ? (at.args[0] as Tensor).shape[1] : (at.args[1] as LatentRows).nS;

const isBorrowed = (at: At): boolean => at.find("topK") === undefined;

/** Rows of another layer's choice, for layers that borrow, or for all. */
function fromLayer(at: At, which: "first" | "before" | "next"): Indices {
  const right = rightOf(at) as unknown as Indices;
  const made = at.done.filter(({ role, step }) => role === "topK" && step === at.step);
  const last = made.findLastIndex(({ layer }) => layer <= at.layer);
  const at0 = which === "first" ? made[0] : which === "before" ? made[last - 1] : undefined;
  const later = at.base.find(
    ({ role, layer, step }) => role === "topK" && layer > at.layer && step === at.step,
  );
  const found = (which === "next" ? later : at0)?.result as Indices | undefined;
  return found && found.shape[0] === right.shape[0] ? found : right;
}

const LAYERS = [
  ["the first full layer's", "first"],
  ["those of the full layer before the one it should borrow from", "before"],
  ["those of the next full layer", "next"],
] as const;

const onRows =
  (rows: (own: number[][], at: At) => number[][]): Change =>
  (at) => {
    const own = rightOf(at) as unknown as Indices;
    return rowsOf(own, rows(listOf(own), at));
  };

/** Only in layers that borrow their rows. */
const borrowed =
  (change: Change): Change =>
  (at) =>
    isBorrowed(at) ? change(at) : rightOf(at);

/** The same rows read by the attention, while the stage still shows those that were chosen. */
const hidden =
  (change: Change): Change =>
  (at) => {
    const [q, qPe, past, topK, scale] = at.args;
    const rows = change({ ...at, role: "rows", args: [topK, past], right: (own) => own });
    return at.right(q, qPe, past, rows, scale);
  };

export const rowVariants: readonly Variant[] = [
  ...OTHERS.flatMap(([what, rows, bug]): Variant[] => {
    const tag = bug && { bug };
    const change = onRows(rows);
    return [
      {
        relation: "choice",
        what: `${ROLES.topK} takes ${what}`,
        changes: { topK: change },
        ...tag,
      },
      {
        relation: "choice",
        what: `layers that borrow their rows take ${what}`,
        changes: { rows: borrowed(change) },
        ...tag,
      },
      {
        relation: "choice",
        what: `the attention reads ${what} instead of the chosen rows`,
        changes: { latentAttention: hidden(change) },
        ...tag,
      },
      {
        relation: "choice",
        what: `the attention of layers that borrow reads ${what} instead of the chosen rows`,
        changes: { latentAttention: hidden(borrowed(change)) },
        ...tag,
      },
    ];
  }),
  ...LAYERS.flatMap(([what, which]): Variant[] => {
    const change: Change = (at) => fromLayer(at, which);
    return [
      {
        relation: "choice",
        what: `layers that borrow their rows take ${what}`,
        changes: { rows: borrowed(change) },
        bug: "G22",
      },
      {
        relation: "choice",
        what: `layers take ${what} rows`,
        changes: { rows: change },
        bug: "G22",
      },
      {
        relation: "choice",
        what: `the attention of layers that borrow reads ${what} instead of the chosen rows`,
        changes: { latentAttention: hidden(borrowed(change)) },
        bug: "G22",
      },
    ];
  }),
];
