/**
 * The attention: other scores, another softmax, other values, another mask, another layout of heads.
 * @module
 */
import type { Indices, Tensor } from "../../../../engine/base/tensor.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { type AttentionWays, attendBy, type Pair, shares, softmax } from "../loops.ts";
import { ROLES } from "../roles.ts";
import { type At, type Change, inputOf, numbers, type Variant } from "../variant.ts";

const configOf = (at: At) => at.model.config;
const scaleOf = (at: At): number => at.args[4] as number;

const attend =
  (ways: AttentionWays | ((at: At) => AttentionWays)): Change =>
  (at) =>
    attendBy(at, typeof ways === "function" ? ways(at) : ways);

const withScale =
  (scale: (at: At) => number): Change =>
  (at) =>
    at.right(...at.args.slice(0, 4), scale(at));

const SCALES: readonly (readonly [
  what: string,
  scale: (at: At) => number,
  bug?: Bug | undefined,
])[] = [
  ["1", () => 1],
  [
    "(latent + rope)^-½",
    (at) => (configOf(at).kvLoraRank + configOf(at).qkRopeHeadDim) ** -0.5,
    "G19",
  ],
  ["nope^-½", (at) => configOf(at).qkNopeHeadDim ** -0.5, "G19"],
  ["rope^-½", (at) => configOf(at).qkRopeHeadDim ** -0.5, "G19"],
  ["latent^-½", (at) => configOf(at).kvLoraRank ** -0.5, "G19"],
  ["value width^-½", (at) => configOf(at).vHeadDim ** -0.5, "G19"],
  [
    "(hidden / heads)^-½",
    (at) => (configOf(at).hiddenSize / configOf(at).numAttentionHeads) ** -0.5,
    "G19",
  ],
  ["hidden^-½", (at) => configOf(at).hiddenSize ** -0.5, "G19"],
  ["the width of a head instead of its root", (at) => scaleOf(at) ** -2, "G19"],
  ["1 / the width of a head, not of its root", (at) => scaleOf(at) ** 2, "G19"],
  ["the fourth root", (at) => scaleOf(at) ** 0.5, "G19"],
  ["the root, not its inverse", (at) => 1 / scaleOf(at), "G19"],
];

const scaled = ({ plain, rotary, scale }: Pair): number => (plain + rotary) * scale;

const onLogits = (change: (z: number) => number): AttentionWays => ({
  score: (pair) => change(scaled(pair)),
});

const FORMS: readonly (readonly [
  what: string,
  ways: AttentionWays | ((at: At) => AttentionWays),
  bug?: Bug | undefined,
])[] = [
  ["leaves the rotary part out of its scores", { score: ({ plain, scale }) => plain * scale }],
  ["leaves the plain part out of its scores", { score: ({ rotary, scale }) => rotary * scale }],
  ["takes the rotary part away", { score: ({ plain, rotary, scale }) => (plain - rotary) * scale }],
  [
    "scales only the plain part of its scores",
    { score: ({ plain, rotary, scale }) => plain * scale + rotary },
  ],
  [
    "scales only the rotary part of its scores",
    { score: ({ plain, rotary, scale }) => plain + rotary * scale },
  ],
  [
    "counts the rotary part twice",
    { score: ({ plain, rotary, scale }) => (plain + 2 * rotary) * scale },
  ],
  ["negates its scores", onLogits((z) => -z)],
  ...[20, 30, 50].map(
    (cap) =>
      [`caps its scores at ${cap} (softcap)`, onLogits((z) => cap * Math.tanh(z / cap))] as const,
  ),
  ["rectifies its scores", onLogits((z) => Math.max(z, 0))],
  ["has no softmax: its weights are the scores", { weigh: (z) => [...z] }],
  ["divides the scores by their sum instead of a softmax", { weigh: (z) => shares(z) }],
  ["weighs its rows by sigmoids", { weigh: (z) => z.map((x) => 1 / (1 + Math.exp(-x))) }],
  [
    "weighs its rows by sigmoids divided by their sum",
    { weigh: (z) => shares(z.map((x) => 1 / (1 + Math.exp(-x)))) },
  ],
  [
    "does not divide by the sum of its softmax",
    { weigh: (z) => z.map((x) => Math.exp(x - Math.max(...z))) },
  ],
  ["does not divide exponentials by their sum", { weigh: (z) => z.map(Math.exp) }],
  ["adds 1 to the sum of its softmax (a sink)", { weigh: (z) => withSink(z) }],
  [
    "has a softmax to the base 2",
    { weigh: (z) => shares(z.map((x) => 2 ** (x - Math.max(...z)))) },
  ],
  ["does its softmax twice", { weigh: (z) => softmax(softmax(z)) }],
  ["weighs all its rows alike", { weigh: (z) => z.map(() => 1 / z.length) }],
  ["takes its best row alone", { weigh: (z) => z.map((x) => Number(x === Math.max(...z))) }],
  ["squares its weights", { weigh: (z) => softmax(z).map((p) => p * p) }],
  [
    "divides by the number of all rows up to the query",
    { weigh: (z, _rows, t) => softmax(z).map((p) => (p * z.length) / (t + 1)) },
  ],
  [
    "multiplies its keys with the latents before kv_a_layernorm",
    (at) => ({ keys: rawLatents(at) }),
  ],
  ["sums the latents before kv_a_layernorm", (at) => ({ values: rawLatents(at) })],
  [
    "uses the latents before kv_a_layernorm",
    (at) => ({ keys: rawLatents(at), values: rawLatents(at) }),
  ],
  ["uses keys before their rotation", (at) => ({ rotary: rawKeys(at) })],
  [
    "counts empty places of a short row in its sum, with score 0",
    (at) => ({ weigh: padded(at) }),
    "G20",
  ],
  [
    "adds the indexer's scores to its own",
    (at) => ({ score: (pair) => scaled(pair) + indexScore(at, pair) }),
  ],
  [
    "multiplies its weights with the indexer's scores",
    (at) => ({
      weigh: (z, rows, t) => softmax(z).map((p, k) => p * indexScore(at, { t, s: rows[k] })),
    }),
  ],
];

function withSink(z: readonly number[]): number[] {
  const max = Math.max(0, ...z);
  const e = z.map((x) => Math.exp(x - max));
  const sum = e.reduce((a, b) => a + b, Math.exp(-max));
  return e.map((x) => x / sum);
}

/** The latents of this layer as kv_a_proj makes them. */
function rawLatents(at: At): ArrayLike<number> | undefined {
  return (at.find("kvSplit")?.result as readonly Tensor[] | undefined)?.[0].data;
}

const rawKeys = (at: At): ArrayLike<number> | undefined =>
  (at.find("kvSplit")?.result as readonly Tensor[] | undefined)?.[1].data;

/** A softmax whose sum counts K rows where the query sees fewer. */
function padded(at: At) {
  const nK = (at.args[3] as Indices).shape[1];
  return (z: readonly number[]): number[] =>
    softmax([...z, ...new Array<number>(Math.max(0, nK - z.length)).fill(0)]).slice(0, z.length);
}

/** The indexer's score, of this layer or of the full layer before it. */
function indexScore(at: At, { t, s }: Pick<Pair, "t" | "s">): number {
  const scores = at.done.findLast(({ role, step }) => role === "indexScores" && step === at.step);
  const { data, shape } = (scores?.result ?? inputOf(at)) as Tensor;
  return data[t * shape[1] + s];
}

/** Heads of the queries in another order, or one for all. */
const HEADS: readonly (readonly [what: string, from: (h: number, nH: number) => number])[] = [
  ["takes its heads in reversed order", (h, n) => n - 1 - h],
  ["takes the next head for each", (h, n) => (h + 1) % n],
  ["takes the head before for each", (h, n) => (h + n - 1) % n],
  ["takes head 0 for all", () => 0],
  ["takes each second head twice (groups of 2)", (h) => h - (h % 2)],
  [
    "takes its heads in the order [even | odd]",
    (h, n) => (h < n / 2 ? 2 * h : 2 * (h - n / 2) + 1) % n,
  ],
];

/** A tensor with its heads in another order. */
export function heads(x: Tensor, from: (h: number, nH: number) => number): Tensor {
  const [, nH, nC] = x.shape;
  return numbers(
    x,
    x.data.map((_, i) => {
      const h = Math.floor(i / nC) % nH;
      return x.data[i + (from(h, nH) - h) * nC];
    }),
  );
}

const headVariants: Variant[] = HEADS.flatMap(([what, from]) => [
  {
    relation: "order",
    what: `${ROLES.latentAttention} ${what} of its rotary queries`,
    changes: {
      latentAttention: (at) =>
        at.right(inputOf(at), heads(at.args[1] as Tensor, from), ...at.args.slice(2)),
    },
  },
  {
    relation: "order",
    what: `${ROLES.latentAttention} ${what} of its plain queries`,
    changes: { latentAttention: (at) => at.right(heads(inputOf(at), from), ...at.args.slice(1)) },
  },
  {
    relation: "order",
    what: `${ROLES.vUp} ${what}`,
    changes: { vUp: (at) => at.right(heads(inputOf(at), from), ...at.args.slice(1)) },
  },
]);

export const attentionVariants: readonly Variant[] = [
  ...SCALES.map(
    ([what, scale, bug]): Variant => ({
      relation: "factor",
      what: `${ROLES.latentAttention} scales its scores by ${what}`,
      changes: { latentAttention: withScale(scale) },
      ...(bug && { bug }),
    }),
  ),
  ...FORMS.map(
    ([what, ways, bug]): Variant => ({
      relation: "op",
      what: `${ROLES.latentAttention} ${what}`,
      changes: { latentAttention: attend(ways) },
      ...(bug && { bug }),
    }),
  ),
  ...headVariants,
];
