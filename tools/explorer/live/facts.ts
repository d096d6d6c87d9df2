/**
 * What a model is, as the page needs it.
 * @module
 */
import {
  LAYER_STAGES,
  type LayerWeights,
  type Model,
  type ModelConfig,
  type Ops,
  parseConfig,
  type Stage,
} from "../../../engine/index.ts";
import { positionBytes } from "../../../engine/kv/geometry.ts";
import { GLM52 } from "../../stream/official-config.ts";
import type { LayerFacts, Sizes, StageFacts } from "../messages.ts";

/** The numbers that shape a model. */
export function sizesOf(name: string, c: ModelConfig): Sizes {
  return {
    name,
    layers: c.numHiddenLayers,
    heads: c.numAttentionHeads,
    hidden: c.hiddenSize,
    kvLora: c.kvLoraRank,
    rope: c.qkRopeHeadDim,
    nope: c.qkNopeHeadDim,
    value: c.vHeadDim,
    indexHeads: c.indexNHeads,
    indexWidth: c.indexHeadDim,
    indexTopk: c.indexTopk,
    experts: c.nRoutedExperts,
    expertsPerToken: c.numExpertsPerTok,
    vocab: c.vocabSize,
    maxContext: c.maxPositionEmbeddings,
    bytes: { f32: positionBytes(c, "f32", "f32"), bf16: positionBytes(c, "bf16", "bf16") },
  };
}

/** Those of the released model. */
export const releasedSizes = (): Sizes => sizesOf("GLM-5.2", parseConfig(GLM52));

/** The layer whose choice each layer uses: itself, or the last full one before it. */
export const lendersOf = (types: readonly string[]): number[] =>
  types.map((_, l) => types.lastIndexOf("full", l));

/** The layers of a model. */
export function layersOf({ ops, config, weights }: Model): LayerFacts[] {
  const lenders = lendersOf(config.indexerTypes);
  return Array.from(weights.layers, ({ ffn }, layer) => ({
    layer,
    type: config.indexerTypes[layer],
    lender: lenders[layer],
    ffn: ffn.kind,
    routerBias: routerBias(ops, ffn),
  }));
}

/** The bias of each expert, or undefined for a layer without experts. */
export function routerBias(ops: Ops, ffn: LayerWeights["ffn"]): Float32Array | undefined {
  if (ffn.kind === "dense") return undefined;
  // A backend gives no weights back. The norm of ones is 1, so their RMSNorm is the gain, bit for bit.
  const [nE] = ffn.eScoreCorrectionBias.shape;
  const mark = ops.mark();
  try {
    const ones = ops.tensor(["T", "E"], [1, nE], new Float32Array(nE).fill(1));
    return Float32Array.from(ops.read(ops.rmsNorm(ones, ffn.eScoreCorrectionBias, 0)));
  } finally {
    ops.release(mark);
  }
}

const INDEXER: readonly Stage[] = ["indexer_q", "indexer_k", "indexer_weights", "indexer_score"];
const EXPERTS: readonly Stage[] = [
  "ffn_moe_logits",
  "ffn_moe_topk",
  "ffn_moe_weights",
  "ffn_moe_out",
  "ffn_shexp",
];

/** All stages of a model, in the order in which it makes them. */
export function stagesOf(layers: readonly Pick<LayerFacts, "type" | "ffn">[]): StageFacts[] {
  const whole = (stage: string): StageFacts => ({ name: stage, stage, layer: undefined });
  // A layer with an indexer chooses before its attention makes the queries.
  const order = [...LAYER_STAGES].sort((a, b) => rankOf(a) - rankOf(b));
  return [
    whole("inp_embd"),
    ...layers.flatMap(({ type, ffn }, layer) =>
      order
        .filter((stage) => type === "full" || !INDEXER.includes(stage))
        .filter((stage) => ffn === "sparse" || !EXPERTS.includes(stage))
        .map((stage) => ({ name: `${stage}-${layer}`, stage, layer })),
    ),
    whole("result_norm"),
    whole("logits"),
  ];
}

/** The place of a stage in its layer; the list of the taps has the choice behind the attention's queries. */
function rankOf(stage: (typeof LAYER_STAGES)[number]): number {
  const isChoice = INDEXER.includes(stage) || stage === "top_k";
  const at = LAYER_STAGES.indexOf(stage);
  return isChoice ? LAYER_STAGES.indexOf("qr") + at / LAYER_STAGES.length : at;
}
