/**
 * What the model multiplies with. Every field is typed by its axes; the comment beside it is its
 * name in the checkpoint. `weights/names.ts` holds the full table, `weights/load.ts` fills this.
 *
 * Axis names are listed in engine/README.md. Linear weights are stored `[out, in]`.
 * @module
 */
import type { ExpertBank } from "../ops/ops.ts";
import type { Weight } from "../tensor.ts";

/** `model.*` and `lm_head`. */
export interface ModelWeights {
  readonly embedTokens: Weight<["vocab", "hidden"]>; // model.embed_tokens.weight
  readonly layers: readonly LayerWeights[]; //           model.layers.<i>
  readonly norm: Weight<["hidden"]>; //                  model.norm.weight
  readonly lmHead: Weight<["vocab", "hidden"]>; //       lm_head.weight
  readonly mtp: MtpWeights | undefined; //               model.layers.<numHiddenLayers>
}

/** One decoder layer, `model.layers.<i>`. */
export interface LayerWeights {
  readonly inputNorm: Weight<["hidden"]>; //         input_layernorm.weight
  readonly attn: AttentionWeights; //                self_attn
  readonly indexer: IndexerWeights | undefined; //   self_attn.indexer; absent on shared layers
  readonly postAttentionNorm: Weight<["hidden"]>; // post_attention_layernorm.weight
  readonly ffn: FfnWeights; //                       mlp
}

/** Multi-head latent attention, `self_attn`. */
export interface AttentionWeights {
  readonly qAProj: Weight<["qLora", "hidden"]>; //       q_a_proj.weight
  readonly qANorm: Weight<["qLora"]>; //                 q_a_layernorm.weight
  readonly qBProj: Weight<["H*nope+rope", "qLora"]>; //  q_b_proj.weight
  readonly kvAProj: Weight<["kvLora+rope", "hidden"]>; // kv_a_proj_with_mqa.weight
  readonly kvANorm: Weight<["kvLora"]>; //               kv_a_layernorm.weight
  readonly kUp: Weight<["H", "kvLora", "nope"]>; //      kv_b_proj.weight, key half, transposed
  readonly vUp: Weight<["H", "v", "kvLora"]>; //         kv_b_proj.weight, value half
  readonly oProj: Weight<["hidden", "H*v"]>; //          o_proj.weight
}

/** The lightning indexer, `self_attn.indexer`. Its heads put the rotary part FIRST. */
export interface IndexerWeights {
  readonly wqB: Weight<["idxH*rope+idxNope", "qLora"]>; // wq_b.weight
  readonly wk: Weight<["rope+idxNope", "hidden"]>; //      wk.weight
  readonly kNorm: Weight<["rope+idxNope"]>; //             k_norm.weight
  readonly kNormBias: Weight<["rope+idxNope"]>; //         k_norm.bias
  readonly weightsProj: Weight<["idxH", "hidden"]>; //     weights_proj.weight
}

/** A SwiGLU block. `F` is its inner axis: `ffn`, or `shared` beside the experts. */
export interface MlpWeights<F extends string> {
  readonly gate: Weight<[F, "hidden"]>; // gate_proj.weight
  readonly up: Weight<[F, "hidden"]>; //   up_proj.weight
  readonly down: Weight<["hidden", F]>; // down_proj.weight
}

/** Router, routed experts and the shared expert, `mlp` of a sparse layer. */
export interface MoeWeights {
  readonly router: Weight<["E", "hidden"]>; //     gate.weight
  readonly eScoreCorrectionBias: Weight<["E"]>; // gate.e_score_correction_bias
  readonly experts: ExpertBank; //                 experts.<e>.{gate,up,down}_proj.weight
  readonly shared: MlpWeights<"shared">; //        shared_experts.{gate,up,down}_proj.weight
}

/** What follows the attention in a layer. */
export type FfnWeights =
  | ({ readonly kind: "dense" } & MlpWeights<"ffn">)
  | ({ readonly kind: "sparse" } & MoeWeights);

/** The multi-token-prediction layer: an ordinary layer with an entrance and an exit of its own. */
export interface MtpWeights {
  readonly enorm: Weight<["hidden"]>; //                  enorm.weight
  readonly hnorm: Weight<["hidden"]>; //                  hnorm.weight
  readonly ehProj: Weight<["hidden", "hidden+hidden"]>; // eh_proj.weight
  readonly layer: LayerWeights; //                        the rest of the layer
  readonly sharedHeadNorm: Weight<["hidden"]>; //         shared_head.norm.weight
}
