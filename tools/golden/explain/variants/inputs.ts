/**
 * The right operation on another input: raw for normed, before for after, another layer's, another
 * token's.
 * @module
 */
import type { Tensor } from "../../../../engine/base/tensor.ts";
import { ROLES, type Role } from "../roles.ts";
import { type At, type Change, numbers, onInput, rightOf, type Variant } from "../variant.ts";

/** Parts that read the residual stream, or something of its width. */
const READERS = [
  "inputNorm",
  "qAProj",
  "kvAProj",
  "wk",
  "weightsProj",
  "postNorm",
  "gate",
  "up",
  "router",
  "experts",
  "sharedGate",
  "sharedUp",
  "norm",
  "lmHead",
] as const satisfies readonly Role[];

/** The blocks whose parts read the same. */
const BLOCKS: readonly (readonly [name: string, roles: readonly Role[]])[] = [
  ["the attention and the indexer", ["qAProj", "kvAProj", "wk", "weightsProj"]],
  ["the indexer (key and weights)", ["wk", "weightsProj"]],
  ["the dense block", ["gate", "up"]],
  ["the shared expert", ["sharedGate", "sharedUp"]],
  ["router, routed and shared experts", ["router", "experts", "sharedGate", "sharedUp"]],
  ["routed and shared experts", ["experts", "sharedGate", "sharedUp"]],
];

type Source = readonly [name: string, take: (at: At) => Tensor | undefined];

/** What comes into a layer: the sum at the end of the one before, or the embedding. */
const intoLayer = (at: At, layer = at.layer): Tensor | undefined =>
  (at.find("inputNorm", layer)?.args[0] as Tensor | undefined) ??
  at.result("ffnAdd", layer - 1) ??
  at.result("embed", -1);

const lastLayer = (at: At): number =>
  at.layer < 0 ? at.model.config.numHiddenLayers - 1 : at.layer;

const SOURCES: readonly Source[] = [
  ["the layer's input before input_layernorm", (at) => intoLayer(at, lastLayer(at))],
  ["the input of the layer before", (at) => intoLayer(at, lastLayer(at) - 1)],
  ["the embeddings", (at) => at.result("embed", -1)],
  ["what input_layernorm makes", (at) => at.result("inputNorm", lastLayer(at))],
  [
    "what input_layernorm of the layer before makes",
    (at) => at.result("inputNorm", lastLayer(at) - 1),
  ],
  ["the attention's output without the residual stream", (at) => at.result("oProj", lastLayer(at))],
  ["the residual sum after the attention", (at) => at.result("attnAdd", lastLayer(at))],
  ["what post_attention_layernorm makes", (at) => at.result("postNorm", lastLayer(at))],
  [
    "what post_attention_layernorm of the layer before makes",
    (at) => at.result("postNorm", lastLayer(at) - 1),
  ],
  ["the routed experts' output", (at) => at.result("experts", lastLayer(at))],
  ["the shared expert's output", (at) => at.result("sharedDown", lastLayer(at))],
  [
    "the feed-forward block's output",
    (at) => at.result("moeAdd", lastLayer(at)) ?? at.result("down", lastLayer(at)),
  ],
  ["the residual stream after the layer", (at) => at.result("ffnAdd", lastLayer(at))],
  ["the residual stream after the layer before", (at) => at.result("ffnAdd", lastLayer(at) - 1)],
];

const fits = (x: Tensor | undefined, like: Tensor): x is Tensor =>
  x !== undefined && x.data.length === like.data.length;

const fromSource =
  (take: Source[1], argument = 0): Change =>
  (at) => {
    const like = at.args[argument] as Tensor;
    const x = take(at);
    if (!fits(x, like)) return rightOf(at);
    return at.right(...at.args.map((arg, i) => (i === argument ? numbers(like, x.data) : arg)));
  };

const reads = (name: string, roles: readonly Role[]): Variant[] =>
  SOURCES.map(
    ([source, take]): Variant => ({
      relation: "input",
      what: `${name} reads ${source}`,
      changes: Object.fromEntries(roles.map((role) => [role, fromSource(take)])),
    }),
  );

/** Terms of the two sums of a layer that are something else. */
const summed = (role: "attnAdd" | "ffnAdd" | "moeAdd"): Variant[] =>
  SOURCES.flatMap(([source, take]) =>
    ([0, 1] as const).map(
      (argument): Variant => ({
        relation: "input",
        what: `${ROLES[role]} takes ${source} for its ${argument === 0 ? "first" : "second"} term`,
        changes: { [role]: fromSource(take, argument) },
      }),
    ),
  );

/** The sums with one term more. */
const more = (role: "attnAdd" | "ffnAdd" | "moeAdd"): Variant[] =>
  SOURCES.map(
    ([source, take]): Variant => ({
      relation: "term",
      what: `${ROLES[role]} also adds ${source}`,
      changes: {
        [role]: (at: At) => {
          const y = rightOf(at);
          const x = take(at);
          return fits(x, y)
            ? numbers(
                y,
                y.data.map((v, i) => v + x.data[i]),
              )
            : y;
        },
      },
    }),
  );

/** Rows of other tokens. */
const TOKENS: readonly (readonly [what: string, row: (t: number, nT: number) => number])[] = [
  ["the token before", (t) => Math.max(0, t - 1)],
  ["the next token", (t, nT) => Math.min(nT - 1, t + 1)],
  ["the first token", () => 0],
  ["tokens in reversed order", (t, nT) => nT - 1 - t],
];

/** A tensor with the rows of other tokens. */
export function ofTokens(x: Tensor, row: (t: number, nT: number) => number): Tensor {
  const [nT] = x.shape;
  const nC = x.data.length / nT;
  return numbers(
    x,
    x.data.map((_, i) => x.data[row(Math.floor(i / nC), nT) * nC + (i % nC)]),
  );
}

const tokenVariants: Variant[] = [...READERS, "qBProj" as const, "wqB" as const].flatMap((role) =>
  TOKENS.map(
    ([what, row]): Variant => ({
      relation: "shift",
      what: `${ROLES[role]} reads ${what}`,
      changes: { [role]: (at: At) => onInput(at, ofTokens(at.args[0] as Tensor, row)) },
    }),
  ),
);

/** The query's latent: before its norm, or of another layer. */
const LATENTS: readonly Source[] = [
  ["the query latent before q_a_layernorm", (at) => at.result("qAProj")],
  ["the query latent of the layer before", (at) => at.result("qANorm", at.layer - 1)],
];

const latentVariants: Variant[] = (
  [
    [ROLES.wqB, ["wqB"]],
    [ROLES.qBProj, ["qBProj"]],
    ["q_b_proj and indexer.wq_b", ["qBProj", "wqB"]],
  ] as const
).flatMap(([name, roles]) =>
  LATENTS.map(
    ([source, take], i): Variant => ({
      relation: "input",
      what: `${name} reads ${source}`,
      changes: Object.fromEntries(roles.map((role) => [role, fromSource(take)])),
      ...(i === 0 && roles[0] === "wqB" && { bug: "G16" as const }),
    }),
  ),
);

/** Inputs of the MTP layer. */
const draftVariants: readonly Variant[] = [
  {
    relation: "input",
    what: `${ROLES.hnorm} reads the hidden state before model.norm`,
    changes: {
      hnorm: (at) => {
        const raw = at.find("norm", -1, 0)?.args[0] as Tensor | undefined;
        const x = at.args[0] as Tensor;
        return at.step === 0 && fits(raw, x) ? onInput(at, numbers(x, raw.data)) : rightOf(at);
      },
    },
    bug: "G40",
  },
  {
    relation: "input",
    what: "a draft step starts from the hidden state before shared_head.norm",
    changes: {
      hnorm: (at) => {
        const raw = at.find("sharedHeadNorm", at.layer, at.step - 1)?.args[0] as Tensor | undefined;
        const x = at.args[0] as Tensor;
        if (at.step === 0 || !raw) return rightOf(at);
        return onInput(at, numbers(x, raw.data.slice(-x.data.length)));
      },
    },
    bug: "G40",
  },
  {
    relation: "input",
    what: "enorm and hnorm of the MTP layer are exchanged",
    changes: {
      enorm: (at) => at.right(at.args[0], at.model.weights.mtp?.hnorm, at.args[2]),
      hnorm: (at) => at.right(at.args[0], at.model.weights.mtp?.enorm, at.args[2]),
    },
  },
  {
    relation: "weights",
    what: `${ROLES.sharedHeadNorm} has the gain of model.norm`,
    changes: { sharedHeadNorm: (at) => at.right(at.args[0], at.model.weights.norm, at.args[2]) },
  },
];

export const inputVariants: readonly Variant[] = [
  ...READERS.flatMap((role) => reads(ROLES[role], [role])),
  ...BLOCKS.flatMap(([name, roles]) => reads(name, roles)),
  ...latentVariants,
  ...(["attnAdd", "ffnAdd", "moeAdd"] as const).flatMap(summed),
  ...(["attnAdd", "ffnAdd", "moeAdd"] as const).flatMap(more),
  ...tokenVariants,
  ...draftVariants,
];
