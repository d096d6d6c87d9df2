/**
 * What the engine knows about a model: the checkpoint's own keys in camelCase, never renamed,
 * every derived list written out. `config.ts` makes it from a `config.json`.
 * @module
 */

/** Whether a layer computes its own top-k or borrows the last full layer's (IndexShare). */
export type IndexerType = "full" | "shared";

/** Whether a layer ends in one SwiGLU block or in routed experts. */
export type MlpLayerType = "dense" | "sparse";

/** A checked configuration. Lengths count elements; layers count from 0. */
export interface ModelConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly maxPositionEmbeddings: number;
  readonly rmsNormEps: number;
  /**
   * Eps of `q_a_layernorm` and `kv_a_layernorm`. No config key exists and engines disagree: 1e-6 in
   * HF transformers and mlx-lm, `rms_norm_eps` in vLLM, SGLang, llama.cpp and Z.ai's own trainer.
   */
  readonly latentNormEps: number;

  readonly numAttentionHeads: number;
  readonly qLoraRank: number;
  readonly kvLoraRank: number;
  readonly qkNopeHeadDim: number;
  readonly qkRopeHeadDim: number;
  /** `qkNopeHeadDim + qkRopeHeadDim`; its root scales the attention. `head_dim` never does. */
  readonly qkHeadDim: number;
  readonly vHeadDim: number;
  readonly ropeTheta: number;

  readonly indexNHeads: number;
  readonly indexHeadDim: number;
  readonly indexTopk: number;
  /** One entry per layer, the MTP layer not included (it is always full). */
  readonly indexerTypes: readonly IndexerType[];

  /** One entry per layer, the MTP layer not included (it is always sparse). */
  readonly mlpLayerTypes: readonly MlpLayerType[];
  readonly intermediateSize: number;
  readonly moeIntermediateSize: number;
  readonly nRoutedExperts: number;
  readonly nSharedExperts: number;
  readonly numExpertsPerTok: number;
  readonly nGroup: number;
  readonly topkGroup: number;
  readonly normTopkProb: boolean;
  readonly routedScalingFactor: number;

  /** 0 or 1: how many MTP layers follow the main ones in the checkpoint. */
  readonly numNextnPredictLayers: number;
  /** Draft steps after the first reuse its top-k row. */
  readonly indexShareForMtpIteration: boolean;

  /** Tokens that end a text, in the order of the file. Empty when the file names none. */
  readonly eosTokenIds: readonly number[];
}
