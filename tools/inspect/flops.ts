/**
 * What a token costs in FLOPs, as a function of the context. One multiply-add is 2 FLOP.
 *
 * Counted: products with matrices, scores and sums of the attention, scores of the indexer. Not
 * counted: norms, rotations, softmax, the choice of the best scores, the look-up of an embedding;
 * on GLM-5.2 they are below 1 %. The head counts for every token, though a prefill needs it for the
 * last one alone (2.4 % of the weights' part there). The MTP layer is not counted.
 *
 * Next: sizes.ts, plan.ts
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { sizeOf } from "../../engine/tensor.ts";
import { expertSpecs, indexerSpecs, type TensorSpec } from "../../engine/weights/names.ts";
import { fixedSpecs, modelSpecs } from "../../engine/weights/table.ts";

/** Which past rows a token attends to, and how many layers choose them. */
export const SCHEDULES = ["dense", "dsaEveryLayer", "indexShare"] as const;

/**
 * `dense`: all rows, no indexer. `dsaEveryLayer`: `indexTopk` rows that each layer chooses, as
 * GLM-5.1 does. `indexShare`: the layers that the config calls full choose.
 */
export type Schedule = (typeof SCHEDULES)[number];

/** FLOPs by part. */
export interface Flops {
  /** Products with matrices, the head included. */
  readonly weights: number;
  /** Scores and weighted sums over cached rows, absorbed form. */
  readonly attention: number;
  /** Scores of index keys. */
  readonly indexer: number;
  readonly total: number;
}

/**
 * One token that sees `n` rows, its own included.
 *
 * `weights = 2 · Σ matrices` · `attention = L · 2 · H · rows · (kvLora + rope + kvLora)`, `rows` =
 * `n` or `min(n, indexTopk)` · `indexer = indexers · 2 · idxH · (idx + 1) · n`
 */
export function tokenFlops(c: ModelConfig, schedule: Schedule, n: number): Flops {
  const rows = schedule === "dense" ? n : Math.min(n, c.indexTopk);
  const parts = perUnit(c, schedule);
  return sum(parts.weights, parts.row * rows, parts.key * n);
}

/**
 * A prefill of `n` tokens into an empty cache: {@link tokenFlops} of 1 … n, summed in closed form.
 *
 * `dense` here is the absorbed form too; a prefill of expanded heads costs less
 * ({@link expandedPrefillFlops}).
 */
export function prefillFlops(c: ModelConfig, schedule: Schedule, n: number): Flops {
  const growing = schedule === "dense" ? n : Math.min(n, c.indexTopk);
  const parts = perUnit(c, schedule);
  const rows = upTo(growing) + (n - growing) * growing;
  return sum(parts.weights * n, parts.row * rows, parts.key * upTo(n));
}

/**
 * The attention part of a dense prefill whose keys and values are expanded once for all heads:
 * `L · 2 · H · (nope + rope + v)` for each pair of a query and a row that it sees.
 */
export function expandedPrefillFlops(c: ModelConfig, n: number): number {
  const pair = 2 * c.numAttentionHeads * (c.qkHeadDim + c.vHeadDim);
  return c.numHiddenLayers * pair * upTo(n);
}

/** Layers that choose rows under a schedule. */
export function indexerCount(c: ModelConfig, schedule: Schedule): number {
  switch (schedule) {
    case "dense":
      return 0;
    case "dsaEveryLayer":
      return c.numHiddenLayers;
    case "indexShare":
      return c.indexerTypes.filter((type) => type === "full").length;
    default:
      return schedule satisfies never;
  }
}

/** FLOPs per token for the weights, per row attended to, and per index key scored; all layers. */
function perUnit(c: ModelConfig, schedule: Schedule): Record<"weights" | "row" | "key", number> {
  const indexers = indexerCount(c, schedule);
  return {
    weights: 2 * (matricesOfAToken(c) + indexers * matrices(Object.values(indexerSpecs(c)))),
    row: c.numHiddenLayers * 2 * c.numAttentionHeads * (2 * c.kvLoraRank + c.qkRopeHeadDim),
    key: indexers * 2 * c.indexNHeads * (c.indexHeadDim + 1),
  };
}

/** Elements of the matrices that one token is multiplied with, indexers apart. */
function matricesOfAToken(c: ModelConfig): number {
  const { globals, layers } = modelSpecs(c);
  let n = matrices([globals.lmHead]);
  for (const layer of layers) {
    n += matrices(fixedSpecs({ ...layer, indexer: undefined }));
    if (layer.ffn.kind === "sparse")
      n += c.numExpertsPerTok * matrices(Object.values(expertSpecs(c, 0)));
  }
  return n;
}

/** Elements of all that are matrices; a vector is a gain or a bias, not a product. */
function matrices(specs: readonly TensorSpec[]): number {
  return specs.reduce((n, { shape }) => n + (shape.length === 2 ? sizeOf(shape) : 0), 0);
}

/** `1 + 2 + … + n`. */
function upTo(n: number): number {
  return (n * (n + 1)) / 2;
}

function sum(weights: number, attention: number, indexer: number): Flops {
  return { weights, attention, indexer, total: weights + attention + indexer };
}
