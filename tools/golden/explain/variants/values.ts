/**
 * What any operation makes, changed in a simple way: multiplied, negated, cut, moved, rounded.
 * @module
 */
import type { Tensor } from "../../../../engine/base/tensor.ts";
import { ROLES, type Role } from "../roles.ts";
import { type Change, numbers, rightOf, type Variant } from "../variant.ts";
import { ofTokens } from "./inputs.ts";
import { ROUNDINGS } from "./roundings.ts";

/** Parts whose result is one tensor of numbers. */
export const MAKERS = [
  "embed",
  "inputNorm",
  "qAProj",
  "qANorm",
  "wqB",
  "idxQRope",
  "idxQJoin",
  "wk",
  "kNorm",
  "idxKRope",
  "idxKJoin",
  "weightsProj",
  "indexScores",
  "qBProj",
  "qRope",
  "kvAProj",
  "kvANorm",
  "kRope",
  "kUp",
  "latentAttention",
  "vUp",
  "oProj",
  "attnAdd",
  "postNorm",
  "gate",
  "up",
  "act",
  "down",
  "router",
  "experts",
  "sharedGate",
  "sharedUp",
  "sharedAct",
  "sharedDown",
  "moeAdd",
  "ffnAdd",
  "norm",
  "lmHead",
  "enorm",
  "hnorm",
  "ehProj",
  "sharedHeadNorm",
] as const satisfies readonly Role[];

type Make = (y: Tensor) => Tensor;

const eachValue =
  (f: (x: number, i: number, y: Tensor) => number): Make =>
  (y) =>
    numbers(
      y,
      y.data.map((x, i) => f(x, i, y)),
    );

const widthOf = ({ shape }: Tensor): number => shape[shape.length - 1];
const rowOf = (i: number, y: Tensor): number => Math.floor(i / (y.data.length / y.shape[0]));
const headOf = (i: number, y: Tensor): number =>
  Math.floor(i / widthOf(y)) % (y.shape.length > 2 ? y.shape[1] : 1);

const channel =
  (from: (c: number, n: number) => number): Make =>
  (y) => {
    const n = widthOf(y);
    return numbers(
      y,
      y.data.map((_, i) => y.data[i - (i % n) + from(i % n, n)]),
    );
  };

const keep = (isKept: (i: number, y: Tensor) => boolean): Make =>
  eachValue((x, i, y) => (isKept(i, y) ? x : 0));

/** Simple ways to change a tensor, also where no dump shows it. */
const WAYS: readonly (readonly [relation: Variant["relation"], what: string, make: Make])[] = [
  ["block", "is zero", keep(() => false)],
  ["factor", "is negated", eachValue((x) => -x)],
  ["factor", "is halved", eachValue((x) => x / 2)],
  ["factor", "is doubled", eachValue((x) => 2 * x)],
  ["block", "is zero in its first row", keep((i, y) => rowOf(i, y) > 0)],
  ["block", "is zero in its last row", keep((i, y) => rowOf(i, y) < y.shape[0] - 1)],
  [
    "block",
    "is zero in its first half of channels",
    keep((i, y) => i % widthOf(y) >= widthOf(y) / 2),
  ],
  [
    "block",
    "is zero in its second half of channels",
    keep((i, y) => i % widthOf(y) < widthOf(y) / 2),
  ],
  ["block", "is zero in its last channel", keep((i, y) => i % widthOf(y) < widthOf(y) - 1)],
  ["block", "is zero in its first channel", keep((i, y) => i % widthOf(y) > 0)],
  [
    "block",
    "is zero in its last head",
    keep((i, y) => y.shape.length < 3 || headOf(i, y) < y.shape[1] - 1),
  ],
  ["block", "is zero in its first head", keep((i, y) => y.shape.length < 3 || headOf(i, y) > 0)],
  ["shift", "is that of the token before", (y) => ofTokens(y, (t) => Math.max(0, t - 1))],
  ["shift", "is that of the next token", (y) => ofTokens(y, (t, n) => Math.min(n - 1, t + 1))],
  ["shift", "is that of the first token for all", (y) => ofTokens(y, () => 0)],
  ["order", "has its channels in reversed order", channel((c, n) => n - 1 - c)],
  ["order", "has its halves of channels exchanged", channel((c, n) => (c + Math.floor(n / 2)) % n)],
  ["order", "has its channels exchanged in pairs", channel((c, n) => Math.min(n - 1, c ^ 1))],
  [
    "order",
    "has its channels in the order [even | odd]",
    channel((c, n) => (c < n / 2 ? 2 * c : 2 * (c - n / 2) + 1) % n),
  ],
  ["cut", "is cut off at ±1", eachValue((x) => Math.max(-1, Math.min(1, x)))],
  ["cut", "has no negative numbers (a ReLU)", eachValue((x) => Math.max(x, 0))],
  ["cut", "has magnitudes only", eachValue((x) => Math.abs(x))],
  ["op", "goes through a tanh", eachValue((x) => Math.tanh(x))],
  ["op", "is capped at 30 (softcap)", eachValue((x) => 30 * Math.tanh(x / 30))],
];

const NARROW: readonly (readonly ["precision", string, Make])[] = ROUNDINGS.map(([name, round]) => [
  "precision",
  `is rounded to ${name}`,
  (y: Tensor) => numbers(y, Float64Array.from(round(y.data, y.shape))),
]);

const change =
  (make: Make): Change =>
  (at) =>
    make(rightOf(at));

export const valueVariants: readonly Variant[] = [...WAYS, ...NARROW].flatMap(
  ([relation, what, make]) =>
    MAKERS.map(
      (role): Variant => ({
        relation,
        what: `what ${ROLES[role]} makes ${what}`,
        changes: { [role]: change(make) },
      }),
    ),
);

/** Rotated keys and latents as a cache of fewer bits keeps them, for all layers alike. */
export const cacheVariants: readonly Variant[] = NARROW.flatMap(
  ([relation, what, make]): Variant[] => [
    {
      relation,
      what: `the cached latents and rotary keys: each ${what}`,
      changes: { kvANorm: change(make), kRope: change(make) },
    },
    {
      relation,
      what: `the indexer's queries and keys: each ${what}`,
      changes: { idxQJoin: change(make), idxKJoin: change(make) },
    },
  ],
);
