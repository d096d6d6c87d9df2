/**
 * Makes a small random model in memory. It has every kind of layer, and its index_topk is small, so
 * that short texts have more tokens than it may attend to.
 * @module
 */

import type { Shape, Weight } from "../../engine/base/tensor.ts";
import { parseConfig } from "../../engine/config/config.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import type { Model } from "../../engine/model/model.ts";
import type {
  AttentionWeights,
  FfnWeights,
  IndexerWeights,
  LayerWeights,
  MlpWeights,
  MtpWeights,
} from "../../engine/model/weights.ts";
import { residentBank } from "../../engine/ops/expert-bank.ts";
import type { Ops } from "../../engine/ops/ops.ts";
import { randomWeight } from "./random.ts";

/** The `config.json` that {@link tinyModel} starts from. */
export const TINY_CONFIG: Readonly<Record<string, unknown>> = {
  model_type: "glm_moe_dsa",
  vocab_size: 32,
  hidden_size: 16,
  num_hidden_layers: 5,
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  num_attention_heads: 2,
  q_lora_rank: 12,
  kv_lora_rank: 8,
  qk_nope_head_dim: 6,
  qk_rope_head_dim: 4,
  v_head_dim: 5,
  rope_parameters: { rope_theta: 10_000, rope_type: "default" },
  index_n_heads: 3,
  index_head_dim: 8,
  index_topk: 5,
  indexer_types: ["full", "full", "shared", "full", "shared"],
  first_k_dense_replace: 1,
  intermediate_size: 20,
  moe_intermediate_size: 8,
  n_routed_experts: 6,
  n_shared_experts: 1,
  num_experts_per_tok: 2,
  norm_topk_prob: true,
  routed_scaling_factor: 2.5,
  num_nextn_predict_layers: 1,
  index_share_for_mtp_iteration: true,
  eos_token_id: [1, 2],
};

/** Keys of `config.json` that replace those of {@link TINY_CONFIG}. */
export type Overrides = Readonly<Record<string, unknown>>;

/** A model with seeded random weights, placed in `ops`. */
export function tinyModel(overrides: Overrides, ops: Ops, seed = 1): Model {
  const config = parseConfig({ ...TINY_CONFIG, ...overrides });
  const make = new Maker(ops, config, seed);
  const { hiddenSize, vocabSize, numHiddenLayers } = config;
  const layers = config.indexerTypes.map((indexer, l) =>
    make.layer(indexer === "full", config.mlpLayerTypes[l] === "sparse"),
  );
  if (layers.length !== numHiddenLayers) throw new Error("one schedule entry per layer");
  return {
    ops,
    config,
    weights: {
      embedTokens: make.matrix(["vocab", "hidden"], [vocabSize, hiddenSize], 1),
      layers,
      norm: make.gain("hidden", hiddenSize),
      lmHead: make.matrix(["vocab", "hidden"], [vocabSize, hiddenSize], 2),
      mtp: config.numNextnPredictLayers > 0 ? make.mtp() : undefined,
    },
  };
}

/** Makes one weight after another, each from its own seed. */
class Maker {
  readonly #ops: Ops;
  readonly #c: ModelConfig;
  #seed: number;

  constructor(ops: Ops, config: ModelConfig, seed: number) {
    this.#ops = ops;
    this.#c = config;
    this.#seed = seed * 100_003;
  }

  /** A matrix whose outputs have a size of about `size` for inputs of about 1. */
  matrix<const D extends readonly string[]>(dims: D, shape: Shape<D>, size = 1): Weight<D> {
    const nIn = shape[shape.length - 1] as number;
    return randomWeight(this.#ops, dims, shape, this.#seed++, size / Math.sqrt(nIn));
  }

  gain<C extends string>(dim: C, n: number): Weight<[C]> {
    return randomWeight<[C]>(this.#ops, [dim], [n], this.#seed++, 0.3, 1);
  }

  bias<C extends string>(dim: C, n: number): Weight<[C]> {
    return randomWeight<[C]>(this.#ops, [dim], [n], this.#seed++, 0.3);
  }

  layer(isFull: boolean, isSparse: boolean): LayerWeights {
    const { hiddenSize } = this.#c;
    return {
      inputNorm: this.gain("hidden", hiddenSize),
      attn: this.#attention(),
      indexer: isFull ? this.#indexer() : undefined,
      postAttentionNorm: this.gain("hidden", hiddenSize),
      ffn: isSparse ? this.#sparse() : { kind: "dense", ...this.#dense() },
    };
  }

  mtp(): MtpWeights {
    const n = this.#c.hiddenSize;
    return {
      enorm: this.gain("hidden", n),
      hnorm: this.gain("hidden", n),
      ehProj: this.matrix(["hidden", "hidden+hidden"], [n, 2 * n], 2),
      layer: this.layer(true, true),
      sharedHeadNorm: this.gain("hidden", n),
    };
  }

  #attention(): AttentionWeights {
    const { hiddenSize: hidden, qLoraRank: q, kvLoraRank: kv, numAttentionHeads: nH } = this.#c;
    const { qkNopeHeadDim: nope, qkRopeHeadDim: rope, vHeadDim: v } = this.#c;
    return {
      qAProj: this.matrix(["qLora", "hidden"], [q, hidden]),
      qANorm: this.gain("qLora", q),
      qBProj: this.matrix(["H*nope+rope", "qLora"], [nH * (nope + rope), q], 2),
      kvAProj: this.matrix(["kvLora+rope", "hidden"], [kv + rope, hidden]),
      kvANorm: this.gain("kvLora", kv),
      kUp: this.matrix(["H", "kvLora", "nope"], [nH, kv, nope]),
      vUp: this.matrix(["H", "v", "kvLora"], [nH, v, kv]),
      oProj: this.matrix(["hidden", "H*v"], [hidden, nH * v]),
    };
  }

  #indexer(): IndexerWeights {
    const { hiddenSize: hidden, qLoraRank: q, indexNHeads: nH, indexHeadDim: d } = this.#c;
    return {
      wqB: this.matrix(["idxH*rope+idxNope", "qLora"], [nH * d, q]),
      wk: this.matrix(["rope+idxNope", "hidden"], [d, hidden]),
      kNorm: this.gain("rope+idxNope", d),
      kNormBias: this.bias("rope+idxNope", d),
      weightsProj: this.matrix(["idxH", "hidden"], [nH, hidden]),
    };
  }

  #dense(): MlpWeights<"ffn"> {
    const { hiddenSize: hidden, intermediateSize: ffn } = this.#c;
    return {
      gate: this.matrix(["ffn", "hidden"], [ffn, hidden]),
      up: this.matrix(["ffn", "hidden"], [ffn, hidden]),
      down: this.matrix(["hidden", "ffn"], [hidden, ffn]),
    };
  }

  #sparse(): FfnWeights {
    const { hiddenSize: hidden, moeIntermediateSize: moe, nRoutedExperts: nE } = this.#c;
    const nShared = moe * this.#c.nSharedExperts;
    return {
      kind: "sparse",
      router: this.matrix(["E", "hidden"], [nE, hidden]),
      eScoreCorrectionBias: this.bias("E", nE),
      experts: residentBank(
        Array.from({ length: nE }, () => ({
          gate: this.matrix(["moe", "hidden"], [moe, hidden]),
          up: this.matrix(["moe", "hidden"], [moe, hidden]),
          down: this.matrix(["hidden", "moe"], [hidden, moe]),
        })),
      ),
      shared: {
        gate: this.matrix(["shared", "hidden"], [nShared, hidden]),
        up: this.matrix(["shared", "hidden"], [nShared, hidden]),
        down: this.matrix(["hidden", "shared"], [hidden, nShared]),
      },
    };
  }
}
