/**
 * The types of the model's weights. Every field is typed by its axes, and the comment above it is
 * the name of the tensor in the checkpoint. `weights/names.ts` has the full table of names, and
 * `weights/load.ts` fills these records.
 *
 * Axis names are listed in engine/README.md. Linear weights are stored `[out, in]`.
 * @module
 */

import type { Weight } from "../base/tensor.ts";
import type { ExpertBank } from "../ops/ops.ts";

/** `model.*` and `lm_head`. */
export interface ModelWeights {
  /** `model.embed_tokens.weight` */
  readonly embedTokens: Weight<["vocab", "hidden"]>;
  /** `model.layers.<i>` */
  readonly layers: Layers;
  /** `model.norm.weight` */
  readonly norm: Weight<["hidden"]>;
  /** `lm_head.weight` */
  readonly lmHead: Weight<["vocab", "hidden"]>;
  /** `model.layers.<numHiddenLayers>` */
  readonly mtp: MtpWeights | undefined;
  /** Why `mtp` is undefined, for those who ask for guesses. */
  readonly noMtp?: string | undefined;
}

/** The main layers, first to last. A layer may be read until the next one is asked for. */
export interface Layers extends Iterable<LayerWeights> {
  /** How many they are. */
  readonly length: number;
  /** Whether they are read from files each time, so that a step should have many tokens. */
  readonly isStreamed?: boolean;
  /** The layers from this one on, where it matters that those before are not touched. */
  from?(first: number): Iterator<LayerWeights>;
}

/** One decoder layer, `model.layers.<i>`. */
export interface LayerWeights {
  /** `input_layernorm.weight` */
  readonly inputNorm: Weight<["hidden"]>;
  /** `self_attn` */
  readonly attn: AttentionWeights;
  /** `self_attn.indexer`; absent on shared layers */
  readonly indexer: IndexerWeights | undefined;
  /** `post_attention_layernorm.weight` */
  readonly postAttentionNorm: Weight<["hidden"]>;
  /** `mlp` */
  readonly ffn: FfnWeights;
}

/** Multi-head latent attention, `self_attn`. */
export interface AttentionWeights {
  /** `q_a_proj.weight` */
  readonly qAProj: Weight<["qLora", "hidden"]>;
  /** `q_a_layernorm.weight` */
  readonly qANorm: Weight<["qLora"]>;
  /** `q_b_proj.weight` */
  readonly qBProj: Weight<["H*nope+rope", "qLora"]>;
  /** `kv_a_proj_with_mqa.weight` */
  readonly kvAProj: Weight<["kvLora+rope", "hidden"]>;
  /** `kv_a_layernorm.weight` */
  readonly kvANorm: Weight<["kvLora"]>;
  /** `kv_b_proj.weight`, key half, transposed */
  readonly kUp: Weight<["H", "kvLora", "nope"]>;
  /** `kv_b_proj.weight`, value half */
  readonly vUp: Weight<["H", "v", "kvLora"]>;
  /** `o_proj.weight` */
  readonly oProj: Weight<["hidden", "H*v"]>;
}

/** The lightning indexer, `self_attn.indexer`. In its heads, the rotary part comes FIRST. */
export interface IndexerWeights {
  /** `wq_b.weight` */
  readonly wqB: Weight<["idxH*rope+idxNope", "qLora"]>;
  /** `wk.weight` */
  readonly wk: Weight<["rope+idxNope", "hidden"]>;
  /** `k_norm.weight` */
  readonly kNorm: Weight<["rope+idxNope"]>;
  /** `k_norm.bias` */
  readonly kNormBias: Weight<["rope+idxNope"]>;
  /** `weights_proj.weight` */
  readonly weightsProj: Weight<["idxH", "hidden"]>;
}

/** A SwiGLU block. `F` is its inner axis: `ffn`, or `shared` beside the experts. */
export interface MlpWeights<F extends string> {
  /** `gate_proj.weight` */
  readonly gate: Weight<[F, "hidden"]>;
  /** `up_proj.weight` */
  readonly up: Weight<[F, "hidden"]>;
  /** `down_proj.weight` */
  readonly down: Weight<["hidden", F]>;
}

/** Router, routed experts and the shared expert, `mlp` of a sparse layer. */
export interface MoeWeights {
  /** `gate.weight` */
  readonly router: Weight<["E", "hidden"]>;
  /** `gate.e_score_correction_bias` */
  readonly eScoreCorrectionBias: Weight<["E"]>;
  /** `experts.<e>.{gate,up,down}_proj.weight` */
  readonly experts: ExpertBank;
  /** `shared_experts.{gate,up,down}_proj.weight` */
  readonly shared: MlpWeights<"shared">;
}

/** The feed-forward block, which comes after the attention in a layer. */
export type FfnWeights =
  | ({
      /** One block for all tokens. */
      readonly kind: "dense";
    } & MlpWeights<"ffn">)
  | ({
      /** Routed experts and a shared one. */
      readonly kind: "sparse";
    } & MoeWeights);

/** The multi-token-prediction layer: a decoder layer, and the weights before and after it. */
export interface MtpWeights {
  /** `enorm.weight` */
  readonly enorm: Weight<["hidden"]>;
  /** `hnorm.weight` */
  readonly hnorm: Weight<["hidden"]>;
  /** `eh_proj.weight` */
  readonly ehProj: Weight<["hidden", "hidden+hidden"]>;
  /** The rest of the layer. */
  readonly layer: LayerWeights;
  /** `shared_head.norm.weight` */
  readonly sharedHeadNorm: Weight<["hidden"]>;
}
