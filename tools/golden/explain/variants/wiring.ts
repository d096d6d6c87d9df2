/**
 * Where numbers stand: splits, joins and cuts into heads; and what the sums of the residual stream add.
 * @module
 */
import type { Tensor } from "../../../../engine/base/tensor.ts";
import { ROLES, type Role } from "../roles.ts";
import { type At, type Change, inputOf, numbers, rightOf, type Variant } from "../variant.ts";

/** Rows of `x` with channel `c` from place `from(c)`. */
function reordered(x: Tensor, from: (c: number, n: number) => number): Tensor {
  const n = x.shape[x.shape.length - 1];
  return numbers(
    x,
    x.data.map((_, i) => x.data[i - (i % n) + from(i % n, n)]),
  );
}

/** The last `nB` channels in front. */
const lastFirst =
  (nA: number) =>
  (c: number, n: number): number =>
    c < n - nA ? c + nA : c - (n - nA);

/** A split that takes its second part from the front. */
const otherOrder: Change = (at) => {
  const [x, first, nA, second] = at.args as [Tensor, string, number, string];
  const n = x.shape[x.shape.length - 1];
  // The right split, after the last nA channels have been put in front.
  return at.right(reordered(x, lastFirst(n - nA)), first, nA, second);
};

/** A split whose parts stand in turns. */
const inTurns: Change = (at) => {
  const [x, first, nA, second] = at.args as [Tensor, string, number, string];
  const n = x.shape[x.shape.length - 1];
  const order = [...Array(n).keys()].sort((a, b) => (a % 2) - (b % 2) || a - b);
  return at.right(
    reordered(x, (c) => order[c]),
    first,
    nA,
    second,
  );
};

/** Cuts into heads, where all heads' first channels stand before all second ones. */
const turned: Change = (at) => {
  const y = rightOf(at);
  const [nT, nH, nC] = y.shape;
  const data = y.data.slice();
  for (let t = 0; t < nT; t++) {
    for (let h = 0; h < nH; h++) {
      for (let c = 0; c < nC; c++) data[(t * nH + h) * nC + c] = y.data[t * nH * nC + c * nH + h];
    }
  }
  return numbers(y, data);
};

/** The same for joining: channels before heads. */
const turnedBack: Change = (at) => {
  const x = inputOf(at);
  const [nT, nH, nC] = x.shape;
  const data = x.data.slice();
  for (let t = 0; t < nT; t++) {
    for (let h = 0; h < nH; h++) {
      for (let c = 0; c < nC; c++) data[t * nH * nC + c * nH + h] = x.data[(t * nH + h) * nC + c];
    }
  }
  return at.right(numbers(x, data));
};

/** Rows of all heads' rotary channels before, or after, all plain ones. */
const blockwise =
  (isFirstPart: boolean): Change =>
  (at) => {
    const [x, first, nA, second] = at.args as [Tensor, string, number, string];
    const [nT, nH, n] = x.shape;
    const nB = n - nA;
    const data = x.data.slice();
    for (let t = 0; t < nT; t++) {
      const row = t * nH * n;
      for (let h = 0; h < nH; h++) {
        for (let c = 0; c < n; c++) {
          const inA = c < nA;
          const start = inA === isFirstPart ? 0 : nH * (inA ? nB : nA);
          data[row + h * n + c] = x.data[row + start + h * (inA ? nA : nB) + (inA ? c : c - nA)];
        }
      }
    }
    return at.right(numbers(x, data), first, nA, second);
  };

const HEADS = [
  ["in reversed order", (h: number, n: number) => n - 1 - h],
  ["moved by one", (h: number, n: number) => (h + 1) % n],
  ["moved by one the other way", (h: number, n: number) => (h + n - 1) % n],
  [
    "in the order [even | odd]",
    (h: number, n: number) => (h < n / 2 ? 2 * h : 2 * (h - n / 2) + 1) % n,
  ],
] as const;

const headOrder =
  (from: (h: number, n: number) => number, x: (at: At) => Tensor): Change =>
  (at) => {
    const y = x(at);
    const [, nH, nC] = y.shape;
    const moved = numbers(
      y,
      y.data.map((_, i) => {
        const h = Math.floor(i / nC) % nH;
        return y.data[i + (from(h, nH) - h) * nC];
      }),
    );
    return at.role === "oHeads" ? at.right(moved) : moved;
  };

type Form = readonly [role: Role, what: string, change: Change];

const SPLITS: readonly Form[] = [
  ["qSplit", "takes the rotary channels from the front of each head", otherOrder],
  ["qSplit", "takes plain and rotary channels in turns", inTurns],
  ["qSplit", "takes all heads' plain channels before all rotary ones", blockwise(true)],
  ["qSplit", "takes all heads' rotary channels before all plain ones", blockwise(false)],
  ["kvSplit", "takes the rotary key from the front", otherOrder],
  ["kvSplit", "takes latent and rotary key in turns", inTurns],
  ["idxQSplit", "takes the rotary channels from the end of each head", otherOrder],
  ["idxQSplit", "takes rotary and plain channels in turns", inTurns],
  ["idxQSplit", "takes all heads' rotary channels before all plain ones", blockwise(true)],
  ["idxKSplit", "takes the rotary channels from the end", otherOrder],
  ["idxKSplit", "takes rotary and plain channels in turns", inTurns],
  ["qHeads", "reads channels before heads", turned],
  ["idxQHeads", "reads channels before heads", turned],
  ["oHeads", "writes channels before heads", turnedBack],
  ...HEADS.flatMap(([what, from]): Form[] => [
    ["qHeads", `has heads ${what}`, headOrder(from, rightOf)],
    ["idxQHeads", `has heads ${what}`, headOrder(from, rightOf)],
    ["oHeads", `has heads ${what}`, headOrder(from, inputOf)],
  ]),
];

/** Puts the two parts of each head into the other order after the rotation. */
const joinedLast: Change = (at) => {
  const [a, b] = at.args as [Tensor, Tensor];
  const y = rightOf(at);
  const nB = b.shape[b.shape.length - 1];
  const nA = a.shape[a.shape.length - 1];
  return numbers(y, reordered(y, (c) => (c < nB ? c + nA : c - nB)).data);
};

const scaled = (x: Tensor, factor: number): Tensor =>
  numbers(
    x,
    x.data.map((v) => v * factor),
  );

/** A sum of the residual stream with its parts weighed. */
const weighed =
  (old: number, added: number): Change =>
  (at) => {
    const [a, b] = at.args as [Tensor, Tensor];
    return at.right(scaled(a, old), scaled(b, added));
  };

const RESIDUAL: readonly (readonly [what: string, old: number, added: number])[] = [
  ["leaves the residual stream out", 0, 1],
  ["leaves the block's output out", 1, 0],
  ["adds the residual stream twice", 2, 1],
  ["adds the block's output twice", 1, 2],
  ["takes the block's output away", 1, -1],
  ["takes the residual stream away", -1, 1],
  ["halves the block's output", 1, 0.5],
  ["is divided by the root of 2", Math.SQRT1_2, Math.SQRT1_2],
  ["is halved", 0.5, 0.5],
];

const MOE: readonly (readonly [what: string, routed: number, shared: number])[] = [
  ["leaves the routed experts out", 0, 1],
  ["leaves the shared expert out", 1, 0],
  ["adds the shared expert twice", 1, 2],
  ["adds the routed experts twice", 2, 1],
  ["takes the shared expert away", 1, -1],
  ["halves the shared expert", 1, 0.5],
  ["halves both", 0.5, 0.5],
];

/** The shared expert or the routed ones, scaled by the router's factor. */
const withFactor = (routed: boolean): Variant => ({
  relation: "factor",
  what: `${ROLES.moeAdd} multiplies the ${routed ? "routed experts" : "shared expert"} with routed_scaling_factor`,
  changes: {
    moeAdd: (at) => {
      const factor = at.model.config.routedScalingFactor;
      return weighed(routed ? factor : 1, routed ? 1 : factor)(at);
    },
  },
  bug: "G36",
});

/** The shared expert weighed as a routed one, by the mean weight of its token. */
const sharedByWeights: Change = (at) => {
  const [routed, shared] = at.args as [Tensor, Tensor];
  const weights = (at.find("route")?.result as { readonly weights: Tensor } | undefined)?.weights;
  if (!weights) return rightOf(at);
  const [, nA] = weights.shape;
  const nC = shared.shape[1];
  const largest = (t: number): number => Math.max(...weights.data.subarray(t * nA, (t + 1) * nA));
  return at.right(
    routed,
    numbers(
      shared,
      shared.data.map((v, i) => v * largest(Math.floor(i / nC))),
    ),
  );
};

const term = (role: Role, what: string, change: Change): Variant => ({
  relation: "term",
  what: `${ROLES[role]} ${what}`,
  changes: { [role]: change },
});

export const wiringVariants: readonly Variant[] = [
  ...SPLITS.map(
    ([role, what, change]): Variant => ({
      relation: "order",
      what: `${ROLES[role]} ${what}`,
      changes: { [role]: change },
      ...(what.startsWith("takes the rotary channels from the end") && { bug: "G15" as const }),
    }),
  ),
  {
    relation: "order",
    what: "the indexer takes the rotary channels of queries and key from the end",
    changes: { idxQSplit: otherOrder, idxKSplit: otherOrder },
    bug: "G15",
  },
  {
    relation: "order",
    what: "the indexer takes the rotary channels of queries and key from the end, and puts them back there",
    changes: {
      idxQSplit: otherOrder,
      idxKSplit: otherOrder,
      idxQJoin: joinedLast,
      idxKJoin: joinedLast,
    },
    bug: "G15",
  },
  {
    relation: "order",
    what: `${ROLES.idxQJoin} puts the plain ones first`,
    changes: { idxQJoin: joinedLast },
  },
  {
    relation: "order",
    what: `${ROLES.idxKJoin} puts the plain ones first`,
    changes: { idxKJoin: joinedLast },
  },
  ...(["attnAdd", "ffnAdd"] as const).flatMap((role) =>
    RESIDUAL.map(([what, old, added]) => term(role, what, weighed(old, added))),
  ),
  ...RESIDUAL.map(
    ([what, old, added]): Variant => ({
      relation: "term",
      what: `both residual sums of a layer: each ${what}`,
      changes: { attnAdd: weighed(old, added), ffnAdd: weighed(old, added) },
    }),
  ),
  ...MOE.map(([what, routed, shared]) => term("moeAdd", what, weighed(routed, shared))),
  withFactor(true),
  withFactor(false),
  term("moeAdd", "weighs the shared expert as the best routed one", sharedByWeights),
  {
    relation: "order",
    what: `${ROLES.mtpJoin} has the hidden state first and the embedding second`,
    changes: {
      mtpJoin: (at) => {
        const [a, b] = at.args as [Tensor, Tensor];
        return at.right(numbers(a, b.data), numbers(b, a.data));
      },
    },
    bug: "G41",
  },
];
