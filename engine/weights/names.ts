/**
 * The table of names: what a checkpoint calls each tensor, and the axes and lengths that the config
 * implies for it.
 *
 * Each function below returns the fields of one interface in `model/weights.ts`, so the compiler
 * compares the axes. Two things look different in the files: `kv_b_proj` is one tensor (loading
 * splits it into `kUp` and `vUp`), and the experts are many tensors or two fused ones (loading
 * makes one bank of them).
 *
 * The functions take the beginning of the layer's names, `model.layers.<i>.`; without it the names
 * are relative to the layer. The MTP layer is number `<numHiddenLayers>`; it has neither an
 * embedding nor a head of its own.
 *
 * | layer kind     | tensors, experts apart | fp8 scales beside them | 5.2: which layers     |
 * |----------------|------------------------|------------------------|-----------------------|
 * | dense + full   | 17                     | 10                     | 0, 1, 2               |
 * | sparse + full  | 787                    | 778                    | 6, 10, … 74           |
 * | sparse, shared | 782                    | 776                    | the other 57          |
 * | MTP            | 791                    | 778                    | 78                    |
 *
 * Next: table.ts
 * @module
 */

import type { Dims, Shape, Weight } from "../base/tensor.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type {
  AttentionWeights,
  IndexerWeights,
  LayerWeights,
  ModelWeights,
  MoeWeights,
  MtpWeights,
} from "../model/weights.ts";
import { GROUP } from "../numbers/raw-tensor.ts";

/** This ends the name of the block scales beside an fp8 weight. They multiply: no inverses. */
export const SCALE_SUFFIX = "_scale_inv";

/** This ends the name of the group scales beside a q8 or q4 weight. */
export const GROUP_SCALE_SUFFIX = "_scale";

/** One line of the table. */
export interface TensorSpec<D extends Dims = Dims> {
  readonly name: string;
  readonly axes: Readonly<D>;
  readonly shape: Shape<D>;
  /** Whether the released FP8 repository quantises this tensor. Other files may do otherwise. */
  readonly quantized: boolean;
}

/**
 * Whether a tensor may be stored in fewer bits: matrices may, except the router and the indexer's
 * head weights, because these choose experts and rows.
 */
export function mayBeQuantized({ axes }: TensorSpec): boolean {
  const chooses = axes.length === 2 && (axes[0] === "E" || axes[0] === "idxH");
  return axes.length >= 2 && !chooses;
}

/** Whether a tensor may be stored in groups of int8 or int4. No group crosses the end of a row. */
export function mayHaveGroups(spec: TensorSpec): boolean {
  return mayBeQuantized(spec) && spec.shape[spec.shape.length - 1] % GROUP === 0;
}

/** The table's lines for the weights in an interface, under the same field names. */
export type Specs<W> = {
  readonly [K in keyof W]: W[K] extends Weight<infer D> ? TensorSpec<D> : never;
};

/** How files store experts: one by one, as released, or fused, as HF transformers 5 saves them. */
export type ExpertLayout = "per-expert" | "fused";

/** The lines of one SwiGLU block. */
export interface MlpSpecs<F extends string> {
  readonly gate: TensorSpec<[F, "hidden"]>;
  readonly up: TensorSpec<[F, "hidden"]>;
  readonly down: TensorSpec<["hidden", F]>;
}

/** All experts of a layer in two tensors; the gate's rows stand before those of `up`. */
export interface FusedExpertSpecs {
  readonly gateUp: TensorSpec<["E", "moe+moe", "hidden"]>;
  readonly down: TensorSpec<["E", "hidden", "moe"]>;
}

/** The attention as files hold it: keys and values are still in one matrix. */
export type StoredAttention = Omit<AttentionWeights, "kUp" | "vUp"> & {
  readonly kvBProj: Weight<["H*nope+v", "kvLora"]>;
};

/** A tensor that the FP8 repository leaves in bf16 or f32. */
function line<const D extends Dims>(name: string, axes: D, shape: Shape<D>): TensorSpec<D> {
  return { name, axes, shape, quantized: false };
}

/** A matrix that the FP8 repository stores in fp8 blocks. */
function blocks<const D extends Dims>(name: string, axes: D, shape: Shape<D>): TensorSpec<D> {
  return { name, axes, shape, quantized: true };
}

/** The tensors outside the layers. */
export function globalSpecs(
  c: ModelConfig,
): Specs<Pick<ModelWeights, "embedTokens" | "norm" | "lmHead">> {
  const { hiddenSize: hidden, vocabSize: vocab } = c;
  return {
    embedTokens: line("model.embed_tokens.weight", ["vocab", "hidden"], [vocab, hidden]),
    norm: line("model.norm.weight", ["hidden"], [hidden]),
    lmHead: line("lm_head.weight", ["vocab", "hidden"], [vocab, hidden]),
  };
}

/** The norms of every layer. */
export function normSpecs(
  c: ModelConfig,
  layer = "",
): Specs<Pick<LayerWeights, "inputNorm" | "postAttentionNorm">> {
  return {
    inputNorm: line(`${layer}input_layernorm.weight`, ["hidden"], [c.hiddenSize]),
    postAttentionNorm: line(`${layer}post_attention_layernorm.weight`, ["hidden"], [c.hiddenSize]),
  };
}

/**
 * The attention of every layer. The rows of one head stand together: nope before rope, key before
 * value.
 */
export function attentionSpecs(c: ModelConfig, layer = ""): Specs<StoredAttention> {
  const { hiddenSize: hidden, qLoraRank: qLora, kvLoraRank: kvLora, qkRopeHeadDim: rope } = c;
  const { numAttentionHeads: nH, qkHeadDim, qkNopeHeadDim: nope, vHeadDim: v } = c;
  const p = `${layer}self_attn`;
  return {
    qAProj: blocks(`${p}.q_a_proj.weight`, ["qLora", "hidden"], [qLora, hidden]),
    qANorm: line(`${p}.q_a_layernorm.weight`, ["qLora"], [qLora]),
    qBProj: blocks(`${p}.q_b_proj.weight`, ["H*nope+rope", "qLora"], [nH * qkHeadDim, qLora]),
    kvAProj: blocks(
      `${p}.kv_a_proj_with_mqa.weight`,
      ["kvLora+rope", "hidden"],
      [kvLora + rope, hidden],
    ),
    kvANorm: line(`${p}.kv_a_layernorm.weight`, ["kvLora"], [kvLora]),
    kvBProj: blocks(`${p}.kv_b_proj.weight`, ["H*nope+v", "kvLora"], [nH * (nope + v), kvLora]),
    oProj: blocks(`${p}.o_proj.weight`, ["hidden", "H*v"], [hidden, nH * v]),
  };
}

/** The indexer of full layers and of the MTP layer. Shared layers have none. */
export function indexerSpecs(c: ModelConfig, layer = ""): Specs<IndexerWeights> {
  const { hiddenSize: hidden, qLoraRank: qLora, indexNHeads: nIdxH, indexHeadDim: idx } = c;
  const p = `${layer}self_attn.indexer`;
  return {
    wqB: blocks(`${p}.wq_b.weight`, ["idxH*rope+idxNope", "qLora"], [nIdxH * idx, qLora]),
    wk: blocks(`${p}.wk.weight`, ["rope+idxNope", "hidden"], [idx, hidden]),
    kNorm: line(`${p}.k_norm.weight`, ["rope+idxNope"], [idx]),
    kNormBias: line(`${p}.k_norm.bias`, ["rope+idxNope"], [idx]),
    weightsProj: line(`${p}.weights_proj.weight`, ["idxH", "hidden"], [nIdxH, hidden]),
  };
}

/** One SwiGLU block, whose name ends in `mlp`, `mlp.shared_experts` or `mlp.experts.<e>`. */
function mlpSpecs<const F extends string>(
  c: ModelConfig,
  name: string,
  axis: F,
  n: number,
): MlpSpecs<F> {
  const hidden = c.hiddenSize;
  return {
    gate: blocks<[F, "hidden"]>(`${name}.gate_proj.weight`, [axis, "hidden"], [n, hidden]),
    up: blocks<[F, "hidden"]>(`${name}.up_proj.weight`, [axis, "hidden"], [n, hidden]),
    down: blocks<["hidden", F]>(`${name}.down_proj.weight`, ["hidden", axis], [hidden, n]),
  };
}

/** The feed-forward block of a dense layer. */
export function denseSpecs(c: ModelConfig, layer = ""): MlpSpecs<"ffn"> {
  return mlpSpecs(c, `${layer}mlp`, "ffn", c.intermediateSize);
}

/** The shared experts of a sparse layer: they are one block, as wide as all of them together. */
export function sharedSpecs(c: ModelConfig, layer = ""): MlpSpecs<"shared"> {
  const width = c.moeIntermediateSize * c.nSharedExperts;
  return mlpSpecs(c, `${layer}mlp.shared_experts`, "shared", width);
}

/** Routed expert `e` of a sparse layer. */
export function expertSpecs(c: ModelConfig, e: number, layer = ""): MlpSpecs<"moe"> {
  return mlpSpecs(c, `${layer}mlp.experts.${e}`, "moe", c.moeIntermediateSize);
}

/** All routed experts of a sparse layer, as HF transformers 5 saves them. */
export function fusedExpertSpecs(c: ModelConfig, layer = ""): FusedExpertSpecs {
  const { hiddenSize: hidden, nRoutedExperts: nE, moeIntermediateSize: moe } = c;
  const p = `${layer}mlp.experts`;
  return {
    gateUp: blocks(`${p}.gate_up_proj`, ["E", "moe+moe", "hidden"], [nE, 2 * moe, hidden]),
    down: blocks(`${p}.down_proj`, ["E", "hidden", "moe"], [nE, hidden, moe]),
  };
}

/** The router of a sparse layer. */
export function routerSpecs(
  c: ModelConfig,
  layer = "",
): Specs<Pick<MoeWeights, "router" | "eScoreCorrectionBias">> {
  const { hiddenSize: hidden, nRoutedExperts: nE } = c;
  return {
    router: line(`${layer}mlp.gate.weight`, ["E", "hidden"], [nE, hidden]),
    eScoreCorrectionBias: line(`${layer}mlp.gate.e_score_correction_bias`, ["E"], [nE]),
  };
}

/** What the MTP layer has besides the tensors of a layer that is sparse and full. */
export function mtpSpecs(c: ModelConfig, layer = ""): Specs<Omit<MtpWeights, "layer">> {
  const { hiddenSize: hidden } = c;
  return {
    enorm: line(`${layer}enorm.weight`, ["hidden"], [hidden]),
    hnorm: line(`${layer}hnorm.weight`, ["hidden"], [hidden]),
    ehProj: line(`${layer}eh_proj.weight`, ["hidden", "hidden+hidden"], [hidden, 2 * hidden]),
    sharedHeadNorm: line(`${layer}shared_head.norm.weight`, ["hidden"], [hidden]),
  };
}
