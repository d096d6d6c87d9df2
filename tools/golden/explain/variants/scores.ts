/**
 * The scores of the indexer: heads joined in another way, another mask, other keys.
 * @module
 */
import type { Tensor } from "../../../../engine/base/tensor.ts";
import { f16 } from "../../case/rounding.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { rectified, type ScoreWays, scoreBy, softmax } from "../loops.ts";
import { ROLES } from "../roles.ts";
import { type At, type Change, inputOf, numbers, rightOf, type Variant } from "../variant.ts";
import { heads } from "./attention.ts";

type Join = NonNullable<ScoreWays["join"]>;

/** Heads joined by a sum of what each votes. */
const votes =
  (vote: (dot: number, weight: number) => number): Join =>
  (dots, weights) =>
    dots.reduce((sum, dot, j) => sum + vote(dot, weights[j]), 0);

const relu = (x: number): number => Math.max(x, 0);
const sigmoidOf = (x: number): number => 1 / (1 + Math.exp(-x));
const part = (
  dots: readonly number[],
  weights: readonly number[],
  keep: (j: number) => boolean,
): number =>
  rectified(
    dots.map((dot, j) => (keep(j) ? dot : 0)),
    weights,
  );

const JOINS: readonly (readonly [what: string, join: Join, bug?: Bug | undefined])[] = [
  ["lack the ReLU", votes((dot, w) => w * dot), "D6"],
  ["rectify after the weight of the head", votes((dot, w) => relu(w * dot))],
  [
    "rectify the sum of the heads",
    (dots, weights) => relu(votes((dot, w) => w * dot)(dots, weights)),
  ],
  ["take magnitudes instead of the ReLU", votes((dot, w) => w * Math.abs(dot))],
  ["take the negative half instead of the ReLU", votes((dot, w) => w * Math.min(dot, 0))],
  ["rectify the negative", votes((dot, w) => w * relu(-dot))],
  ["square what is rectified", votes((dot, w) => w * relu(dot) ** 2)],
  ["have a SiLU instead of the ReLU", votes((dot, w) => w * dot * sigmoidOf(dot))],
  [
    "have a GELU instead of the ReLU",
    votes(
      (dot, w) =>
        w * 0.5 * dot * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (dot + 0.044715 * dot ** 3))),
    ),
  ],
  ["have a sigmoid instead of the ReLU", votes((dot, w) => w * sigmoidOf(dot))],
  ["have a leaky ReLU (0.01)", votes((dot, w) => w * (dot > 0 ? dot : 0.01 * dot))],
  ["have no weights of heads", votes((dot) => relu(dot)), "G28"],
  ["take magnitudes of the heads' weights", votes((dot, w) => Math.abs(w) * relu(dot)), "G28"],
  ["cut negative weights of heads at zero", votes((dot, w) => relu(w) * relu(dot)), "G28"],
  ["negate the weights of heads", votes((dot, w) => -w * relu(dot)), "G28"],
  ["square the weights of heads", votes((dot, w) => w * w * relu(dot)), "G28"],
  [
    "have a softmax over the weights of heads",
    (dots, weights) => rectified(dots, softmax(weights)),
    "G28",
  ],
  ["have sigmoids of the heads' weights", votes((dot, w) => sigmoidOf(w) * relu(dot)), "G28"],
  ["divide by the number of heads", (dots, weights) => rectified(dots, weights) / dots.length],
  [
    "take the largest head instead of the sum",
    (dots, weights) => Math.max(...dots.map((dot, j) => weights[j] * relu(dot))),
  ],
  ["take the first head alone", (dots, weights) => part(dots, weights, (j) => j === 0)],
  ["leave out the first head", (dots, weights) => part(dots, weights, (j) => j > 0)],
  ["leave out the last head", (dots, weights) => part(dots, weights, (j) => j < dots.length - 1)],
  [
    "sum the first half of the heads only",
    (dots, weights) => part(dots, weights, (j) => j < dots.length / 2),
  ],
  [
    "sum the second half of the heads only",
    (dots, weights) => part(dots, weights, (j) => j >= dots.length / 2),
  ],
  ["sum the even heads only", (dots, weights) => part(dots, weights, (j) => j % 2 === 0)],
  [
    "pair each head with the weight of the next",
    (dots, weights) =>
      rectified(
        dots,
        dots.map((_, j) => weights[(j + 1) % dots.length]),
      ),
  ],
  [
    "pair each head with the weight of the one before",
    (dots, weights) =>
      rectified(
        dots,
        dots.map((_, j) => weights[(j + dots.length - 1) % dots.length]),
      ),
  ],
  [
    "pair heads with weights in reversed order",
    (dots, weights) => rectified(dots, weights.toReversed()),
  ],
  [
    "have the mean weight for all heads",
    (dots, weights) =>
      votes((dot) => relu(dot))(dots, weights) *
      (weights.reduce((a, b) => a + b, 0) / weights.length),
  ],
];

type Sized = (nH: number, nD: number) => number;

const SCALES: readonly (readonly [what: string, scale: Sized])[] = [
  ["no factor", () => 1],
  ["heads^-½ alone", (nH) => nH ** -0.5],
  ["width^-½ alone", (_, nD) => nD ** -0.5],
  ["1 / (heads · width)", (nH, nD) => 1 / (nH * nD)],
  ["heads^-1 · width^-½", (nH, nD) => nD ** -0.5 / nH],
  ["heads^-½ · width^-1", (nH, nD) => nH ** -0.5 / nD],
  ["the root, not its inverse", (nH, nD) => (nH * nD) ** 0.5],
];

const MASKS: readonly (readonly [
  what: string,
  sees: (t: number, s: number, nS: number) => boolean,
  bug?: Bug | undefined,
])[] = [
  ["have no mask: every query sees all rows", () => true, "G21"],
  ["let a query see one row after its own", (t, s) => s <= t + 1, "G20"],
  ["let a query see two rows after its own", (t, s) => s <= t + 2, "G20"],
  ["hide a query's own row", (t, s) => s < t || (t === 0 && s === 0)],
  ["hide a query's own row, also from the first", (t, s) => s < t],
  ["hide row 0", (t, s) => s <= t && (s > 0 || t === 0)],
  ["hide the row before the query's own", (t, s) => s <= t && s !== t - 1],
  ["see rows after the query only", (t, s) => s >= t],
  ...[2, 4, 8, 16].map(
    (n) => [`see the last ${n} rows only`, (t: number, s: number) => s <= t && s > t - n] as const,
  ),
  ...[4, 8, 16].map(
    (n) =>
      [
        `see only rows of the query's own block of ${n}`,
        (t: number, s: number) => s <= t && Math.floor(s / n) === Math.floor(t / n),
      ] as const,
  ),
  ...[2, 4, 8, 16].map(
    (n) => [`see no row after the first ${n}`, (t: number, s: number) => s <= t && s < n] as const,
  ),
];

/** What a mask does when it is added to the scores instead of applied, or is too weak. */
const ADDED: readonly (readonly [
  what: string,
  value: (score: number) => number,
  bug?: Bug | undefined,
])[] = [
  ["have 0 for masked rows", () => 0, "G21"],
  ["add 1 to masked rows", (x) => x + 1, "G21"],
  ["add −1 to masked rows", (x) => x - 1, "G21"],
  ["have −1 for masked rows", () => -1, "G21"],
  ["add −10 to masked rows", (x) => x - 10, "G21"],
];

/** Keys and queries as they are before a step, or of other positions. */
const INPUTS: readonly (readonly [what: string, change: Change])[] = [
  ["have keys one position late", (at) => scoreBy(at, { key: (s) => s - 1 })],
  ["have keys one position early", (at) => scoreBy(at, { key: (s) => s + 1 })],
  ["have the key of row 0 for all rows", (at) => scoreBy(at, { key: () => 0 })],
  ["divide queries and keys by their length", (at) => unitScores(at)],
  [
    "have queries in reversed order of heads",
    (at) =>
      at.right(
        heads(inputOf(at), (h, n) => n - 1 - h),
        ...at.args.slice(1),
      ),
  ],
  [
    "have the weights of the token before",
    (at) =>
      at.right(...at.args.slice(0, 2), shifted(at.args[2] as Tensor, -1), ...at.args.slice(3)),
  ],
  [
    "have the weights of the next token",
    (at) => at.right(...at.args.slice(0, 2), shifted(at.args[2] as Tensor, 1), ...at.args.slice(3)),
  ],
  ["add each row's share of the way to the query (a bias for near rows)", (at) => biased(at)],
  ["round queries and keys to f16", (at) => scoreBy(at, { seen: f16 })],
  ["go through a softmax", (at) => softmaxRows(rightOf(at))],
];

function unitScores(at: At): Tensor {
  const unit = (x: readonly number[], y: readonly number[]): number =>
    Math.sqrt(x.reduce((s, v, i) => s + v * y[i], 0)) || 1;
  const [q, keys, , start, scale] = at.args as [Tensor, { nS: number }, Tensor, number, number];
  const [nT, nH, nD] = q.shape;
  const nS = keys.nS;
  const idxK = at.result("idxKJoin");
  const w = at.args[2] as Tensor;
  const y = new Float64Array(nT * nS).fill(Number.NEGATIVE_INFINITY);
  if (!idxK || idxK.shape[0] !== nS) return rightOf(at);
  const row = (x: Tensor, r: number): number[] => [...x.data.subarray(r * nD, (r + 1) * nD)];
  for (let t = 0; t < nT; t++) {
    for (let s = 0; s <= Math.min(start + t, nS - 1); s++) {
      const k = row(idxK, s);
      let sum = 0;
      for (let j = 0; j < nH; j++) {
        const one = row(q, t * nH + j);
        const dot =
          one.reduce((total, v, d) => total + v * k[d], 0) / (unit(one, one) * unit(k, k));
        sum += w.data[t * nH + j] * Math.max(dot, 0);
      }
      y[t * nS + s] = sum * scale;
    }
  }
  return { dims: [q.dims[0], "S"], shape: [nT, nS], data: y };
}

function shifted(x: Tensor, by: number): Tensor {
  const [nT] = x.shape;
  const nC = x.data.length / nT;
  const rowOf = (t: number): number => Math.min(nT - 1, Math.max(0, t + by));
  return numbers(
    x,
    x.data.map((_, i) => x.data[rowOf(Math.floor(i / nC)) * nC + (i % nC)]),
  );
}

function softmaxRows(x: Tensor): Tensor {
  const [nT, nS] = x.shape;
  const y = new Float64Array(x.data.length).fill(Number.NEGATIVE_INFINITY);
  for (let t = 0; t < nT; t++) {
    const row = [...x.data.subarray(t * nS, (t + 1) * nS)];
    softmax(row).forEach((p, s) => {
      if (row[s] !== Number.NEGATIVE_INFINITY) y[t * nS + s] = p;
    });
  }
  return numbers(x, y);
}

function biased(at: At): Tensor {
  const x = rightOf(at);
  const nS = x.shape[1];
  return numbers(
    x,
    x.data.map((v, i) => v - (at.start + Math.floor(i / nS) - (i % nS))),
  );
}

const name = ROLES.indexScores;

const variant = (
  what: string,
  relation: Variant["relation"],
  change: Change,
  bug?: Bug,
): Variant => ({
  relation,
  what: `${name} ${what}`,
  changes: { indexScores: change },
  ...(bug && { bug }),
});

/** Scores without a mask, and what is then done to those that should be masked. */
const masked =
  (value: (score: number) => number): Change =>
  (at) => {
    const all = scoreBy(at, { sees: () => true });
    const nS = all.shape[1];
    return numbers(
      all,
      all.data.map((x, i) => (i % nS > at.start + Math.floor(i / nS) ? value(x) : x)),
    );
  };

export const scoreVariants: readonly Variant[] = [
  ...JOINS.map(([what, join, bug]) => variant(what, "op", (at) => scoreBy(at, { join }), bug)),
  ...SCALES.map(([what, scale]) =>
    variant(`have ${what} as their factor`, "factor", (at) => {
      const [, nH, nD] = inputOf(at).shape;
      return at.right(...at.args.slice(0, 4), scale(nH, nD));
    }),
  ),
  ...MASKS.map(([what, sees, bug]) =>
    variant(
      what,
      "mask",
      (at) =>
        scoreBy(at, { sees: (t, s) => sees(at.start + t, s, (at.args[1] as { nS: number }).nS) }),
      bug,
    ),
  ),
  ...ADDED.map(([what, value, bug]) => variant(what, "mask", masked(value), bug)),
  ...INPUTS.map(([what, change]) => variant(what, "input", change)),
];
