/**
 * What the engine knows about a model. The names are those of `config.json`, in camelCase; lists
 * that follow from other keys are written out. `config.ts` makes this from a `config.json`.
 *
 * Next: ../model/model.ts
 * @module
 */

/** Whether a layer chooses rows itself, or uses the choice of the last full layer (IndexShare). */
export type IndexerType = "full" | "shared";

/** Whether a layer ends in one SwiGLU block or in routed experts. */
export type MlpLayerType = "dense" | "sparse";

/** A checked configuration. Lengths count elements; layers count from 0. */
export interface ModelConfig {
  /** Rows of the embedding and of the head, at least as many as there are tokens. */
  readonly vocabSize: number;
  /** Channels of the residual stream. */
  readonly hiddenSize: number;
  /** Number of main layers; the MTP layer is not counted. */
  readonly numHiddenLayers: number;
  /** The most positions that the model was made for. */
  readonly maxPositionEmbeddings: number;
  /** What is added to the mean square in every RMS norm but the latent ones. */
  readonly rmsNormEps: number;
  /**
   * The same for `q_a_layernorm` and `kv_a_layernorm`. There is no key for it, and engines
   * disagree: it is 1e-6 in HF transformers and mlx-lm, `rms_norm_eps` in vLLM, SGLang, llama.cpp
   * and Z.ai's trainer.
   */
  readonly latentNormEps: number;

  /** Heads of the attention. */
  readonly numAttentionHeads: number;
  /** Numbers in the latent that the queries of all heads are made of. */
  readonly qLoraRank: number;
  /** Numbers in the latent that the keys and values of all heads are made of. */
  readonly kvLoraRank: number;
  /** Channels of a query or key without position, per head. */
  readonly qkNopeHeadDim: number;
  /** Channels of a query or key that are rotated by position, per head. */
  readonly qkRopeHeadDim: number;
  /** `qkNopeHeadDim + qkRopeHeadDim`. Scores are divided by its root; `head_dim` is not used. */
  readonly qkHeadDim: number;
  /** Channels of a value, per head. */
  readonly vHeadDim: number;
  /** The base of the rotary angles. */
  readonly ropeTheta: number;

  /** Heads of the indexer. */
  readonly indexNHeads: number;
  /** Channels of an index key, the rotated ones included. */
  readonly indexHeadDim: number;
  /** The most rows that a query attends to. */
  readonly indexTopk: number;
  /** One entry per layer, the MTP layer not included (it is always full). */
  readonly indexerTypes: readonly IndexerType[];

  /** One entry per layer, the MTP layer not included (it is always sparse). */
  readonly mlpLayerTypes: readonly MlpLayerType[];
  /** Channels inside a dense block. */
  readonly intermediateSize: number;
  /** Channels inside one expert. */
  readonly moeIntermediateSize: number;
  /** Experts that the router chooses from. */
  readonly nRoutedExperts: number;
  /** Experts that every token visits. */
  readonly nSharedExperts: number;
  /** Experts that the router chooses for a token. */
  readonly numExpertsPerTok: number;
  /** Groups that the routed experts are divided into. */
  readonly nGroup: number;
  /** Groups from which a token's experts are chosen. */
  readonly topkGroup: number;
  /** Whether the weights of a token's experts are divided by their sum. */
  readonly normTopkProb: boolean;
  /** The factor of the sum of a token's routed experts. */
  readonly routedScalingFactor: number;

  /** Number of MTP layers after the main ones in the checkpoint, 0 or 1. */
  readonly numNextnPredictLayers: number;
  /** Whether draft steps after the first use the rows that the first chose. */
  readonly indexShareForMtpIteration: boolean;

  /** Tokens that end a text, in the order of the file; empty when the file names none. */
  readonly eosTokenIds: readonly number[];
}
