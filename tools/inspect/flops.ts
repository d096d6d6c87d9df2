/**
 * Counts the FLOPs that a token costs, as a function of the length of context. One multiply-add is
 * 2 FLOP.
 *
 * These are counted: products with matrices, scores and sums of the attention, scores of the
 * indexer. These are not: norms, rotations, softmax, the selection of the best scores, the look-up
 * of an embedding; on GLM-5.2 they are below 1 %. The head is counted for every token, though a
 * prefill needs it only for the last one (2.4 % of the FLOPs for weights there). The MTP layer is
 * not counted.
 *
 * Next: sizes.ts, plan.ts
 * @module
 */

import { sizeOf } from "../../engine/base/tensor.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { expertSpecs, indexerSpecs, type TensorSpec } from "../../engine/weights/names.ts";
import { fixedSpecs, modelSpecs } from "../../engine/weights/table.ts";

/** The schedules that are compared: which past rows a token attends to, and who selects them. */
export const SCHEDULES = ["dense", "dsaEveryLayer", "indexShare"] as const;

/**
 * `dense`: a token attends to all rows, and there is no indexer. `dsaEveryLayer`: each layer
 * selects `indexTopk` rows, as in GLM-5.1. `indexShare`: only the layers that the config calls full
 * select rows, and the others reuse their selection, as in GLM-5.2.
 */
export type Schedule = (typeof SCHEDULES)[number];

/** FLOPs by part of the model. */
export interface Flops {
  /** For products with matrices, including the head. */
  readonly weights: number;
  /** For scores and weighted sums over cached rows, in the absorbed form. */
  readonly attention: number;
  /** For scores of index keys. */
  readonly indexer: number;
  readonly total: number;
}

/**
 * The FLOPs of one token that sees `n` rows, including its own.
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
 * The FLOPs of a prefill of `n` tokens into an empty cache: the sum of {@link tokenFlops} over
 * 1 … n, in closed form.
 *
 * `dense` is the absorbed form here too. A prefill with expanded heads costs less; see
 * {@link expandedPrefillFlops}.
 */
export function prefillFlops(c: ModelConfig, schedule: Schedule, n: number): Flops {
  const growing = schedule === "dense" ? n : Math.min(n, c.indexTopk);
  const parts = perUnit(c, schedule);
  const rows = upTo(growing) + (n - growing) * growing;
  return sum(parts.weights * n, parts.row * rows, parts.key * upTo(n));
}

/**
 * The FLOPs of attention in a dense prefill that expands keys and values for all heads once:
 * `L · 2 · H · (nope + rope + v)` for each pair of a query and a row that it sees.
 */
export function expandedPrefillFlops(c: ModelConfig, n: number): number {
  const pair = 2 * c.numAttentionHeads * (c.qkHeadDim + c.vHeadDim);
  return c.numHiddenLayers * pair * upTo(n);
}

/** How many layers select rows under a schedule. */
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

/** Elements of all matrices that one token is multiplied with, without those of indexers. */
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

/** Elements of those tensors that are matrices. Vectors are gains and biases, not products. */
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
