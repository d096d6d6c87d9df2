/**
 * The right operation with other weights: turned, of another layer, of a neighbour, halves exchanged,
 * rounded.
 * @module
 */
import type { Weight } from "../../../../engine/base/tensor.ts";
import { floatsOf } from "../../../../engine/ops/reference/memory.ts";
import { ROLES, type Role } from "../roles.ts";
import {
  type At,
  type Change,
  rightOf,
  type Variant,
  weightLike,
  weightOf,
  withWeight,
} from "../variant.ts";
import { ROUNDINGS } from "./roundings.ts";

const LINEAR = [
  "qAProj",
  "wqB",
  "wk",
  "weightsProj",
  "qBProj",
  "kvAProj",
  "oProj",
  "gate",
  "up",
  "down",
  "router",
  "sharedGate",
  "sharedUp",
  "sharedDown",
  "ehProj",
  "lmHead",
] as const satisfies readonly Role[];

const WITH_WEIGHTS = [
  ...LINEAR,
  "kUp",
  "vUp",
  "inputNorm",
  "qANorm",
  "kvANorm",
  "kNorm",
  "postNorm",
] as const satisfies readonly Role[];

/** The weight of the same part in another layer, as the right run has it. */
const ofLayer =
  (layer: (l: number, n: number) => number): Change =>
  (at) => {
    const n = at.model.config.numHiddenLayers;
    const other = at.base.find(
      ({ role, layer: l }) => role === at.role && l === layer(at.layer, n),
    );
    const w = other?.args[1] as Weight | undefined;
    const own = weightOf(at);
    if (!w || String(w.shape) !== String(own.shape)) return rightOf(at);
    // A LayerNorm has a second weight, its bias.
    return at.role === "kNorm"
      ? at.right(at.args[0], w, other?.args[2], at.args[3])
      : withWeight(at, w);
  };

const LAYERS: readonly (readonly [what: string, layer: (l: number, n: number) => number])[] = [
  ["the layer before", (l) => l - 1],
  ["the next layer", (l) => l + 1],
  ["the first layer", () => 0],
  ["the last layer", (_, n) => n - 1],
];

const reweighed =
  (
    values: (
      w: ArrayLike<number>,
      shape: readonly number[],
      at: At,
    ) => ArrayLike<number> | undefined,
  ): Change =>
  (at) => {
    const w = weightOf(at);
    const changed = values(floatsOf(w), w.shape, at);
    return changed ? withWeight(at, weightLike(at.model, w, changed)) : rightOf(at);
  };

/** Entries of each of the last two axes in another order. */
const entries =
  (from: (row: number, column: number, nRows: number, nColumns: number) => number) =>
  (w: ArrayLike<number>, shape: readonly number[]): Float64Array => {
    const [nRows, nColumns] = shape.slice(-2);
    const size = nRows * nColumns;
    return Float64Array.from(w, (_, i) => {
      const at = i % size;
      return w[i - at + from(Math.floor(at / nColumns), at % nColumns, nRows, nColumns)];
    });
  };

const halfOf = (i: number, n: number): number =>
  (i < n / 2 ? i + Math.ceil(n / 2) : i - Math.ceil(n / 2)) % n;
const evenOdd = (i: number, n: number): number => (i < n / 2 ? 2 * i : 2 * (i - n / 2) + 1) % n;

const ORDERS: readonly (readonly [
  what: string,
  from: (r: number, c: number, nR: number, nC: number) => number,
])[] = [
  [
    "is turned (its transpose, read as if it were the matrix)",
    (r, c, nR, nC) => ((r * nC + c) % nR) * nC + Math.floor((r * nC + c) / nR),
  ],
  ["has the halves of its rows exchanged", (r, c, nR, nC) => halfOf(r, nR) * nC + c],
  ["has the halves of its columns exchanged", (r, c, _nR, nC) => r * nC + halfOf(c, nC)],
  ["has its rows in reversed order", (r, c, nR, nC) => (nR - 1 - r) * nC + c],
  ["has its columns in reversed order", (r, c, _nR, nC) => r * nC + nC - 1 - c],
  ["has its rows in the order [even | odd]", (r, c, nR, nC) => evenOdd(r, nR) * nC + c],
  ["has its columns in the order [even | odd]", (r, c, _nR, nC) => r * nC + evenOdd(c, nC)],
  ["is one row late", (r, c, nR, nC) => ((r + nR - 1) % nR) * nC + c],
  ["is one row early", (r, c, nR, nC) => ((r + 1) % nR) * nC + c],
];

/** The transposed key half, or the value half in its place, where the shapes allow it. */
const siblings: readonly (readonly [Role, Role])[] = [
  ["gate", "up"],
  ["sharedGate", "sharedUp"],
];

const one = (relation: Variant["relation"], role: Role, what: string, change: Change): Variant => ({
  relation,
  what: `${ROLES[role]} ${what}`,
  changes: { [role]: change },
});

export const weightVariants: readonly Variant[] = [
  ...WITH_WEIGHTS.flatMap((role) =>
    LAYERS.map(([what, layer]) =>
      one("weights", role, `has the weights of ${what}`, ofLayer(layer)),
    ),
  ),
  ...[...LINEAR, "kUp" as const, "vUp" as const].flatMap((role) =>
    ORDERS.map(([what, from]) => one("order", role, what, reweighed(entries(from)))),
  ),
  ...WITH_WEIGHTS.flatMap((role) =>
    ROUNDINGS.map(([name, round]) =>
      one(
        "precision",
        role,
        `has weights in ${name}`,
        reweighed((w, shape) => round(w, shape)),
      ),
    ),
  ),
  ...siblings.flatMap(([a, b]): Variant[] => {
    const swap =
      (of: Role): Change =>
      (at) => {
        const other = at.base.find(({ role, layer }) => role === of && layer === at.layer);
        return other ? withWeight(at, numbersOf(at, other.args[1] as Weight)) : rightOf(at);
      };
    return [
      one("weights", a, `has the matrix of ${ROLES[b]}`, swap(b)),
      one("weights", b, `has the matrix of ${ROLES[a]}`, swap(a)),
    ];
  }),
];

const numbersOf = (at: At, w: Weight): Weight => weightLike(at.model, weightOf(at), floatsOf(w));
