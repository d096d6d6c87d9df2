import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig, readConfig } from "../../../engine/config/config.ts";
import {
  FP8_QUANTIZATION,
  FULL_LAYERS,
  GLM51,
  GLM52,
  type Json,
  TINY,
  without,
} from "../weights/configs.ts";

/** What HF transformers 5.18.0 writes for a tiny `GlmMoeDsaConfig`, key by key. */
const HF_SAVED: Json = {
  architectures: ["GlmMoeDsaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 0,
  dtype: "float32",
  eos_token_id: 1,
  first_k_dense_replace: 3,
  head_dim: 8,
  hidden_act: "silu",
  hidden_size: 32,
  index_head_dim: 16,
  index_n_heads: 2,
  index_topk: 4,
  indexer_types: ["full", "full", "full", "full", "full"],
  initializer_range: 0.02,
  intermediate_size: 48,
  kv_lora_rank: 16,
  layer_types: Array(5).fill("indexed_attention"),
  max_position_embeddings: 202752,
  mlp_bias: false,
  mlp_layer_types: ["dense", "dense", "dense", "sparse", "sparse"],
  model_type: "glm_moe_dsa",
  moe_intermediate_size: 16,
  n_group: 1,
  n_routed_experts: 8,
  n_shared_experts: 1,
  norm_topk_prob: true,
  num_attention_heads: 2,
  num_experts_per_tok: 2,
  num_hidden_layers: 5,
  num_key_value_heads: 2,
  pad_token_id: null,
  q_lora_rank: 16,
  qk_head_dim: 16,
  qk_nope_head_dim: 8,
  qk_rope_head_dim: 8,
  rms_norm_eps: 1e-5,
  rope_parameters: { rope_theta: 10000.0, rope_type: "default" },
  routed_scaling_factor: 2.5,
  tie_word_embeddings: false,
  topk_group: 1,
  transformers_version: "5.18.0",
  use_cache: true,
  v_head_dim: 16,
  vocab_size: 64,
};

/** TINY without any key about the schedule, for the ways to write one. */
const UNSCHEDULED = without(
  TINY,
  "indexer_types",
  "index_topk_freq",
  "index_skip_topk_offset",
  "index_topk_pattern",
);

describe("configs that exist", () => {
  it("reads the literal GLM-5.2 config", () => {
    const config = parseConfig(GLM52);
    expect(config).toMatchObject({
      vocabSize: 154880,
      numHiddenLayers: 78,
      maxPositionEmbeddings: 1048576,
      rmsNormEps: 1e-5,
      latentNormEps: 1e-5,
      nSharedExperts: 1,
      numExpertsPerTok: 8,
      routedScalingFactor: 2.5,
      numNextnPredictLayers: 1,
      indexShareForMtpIteration: true,
      eosTokenIds: [154820, 154827, 154829],
    });
    expect(config.mlpLayerTypes.indexOf("sparse")).toBe(3);
  });

  it("G01: head_dim 192 sizes neither the rope, nor the scale, nor q_b_proj", () => {
    const config = parseConfig(GLM52);
    expect(config.qkRopeHeadDim).toBe(64);
    expect(config.qkHeadDim).toBe(256);
    expect(config.qkHeadDim ** -0.5).toBe(0.0625);
    expect(config.numAttentionHeads * config.qkHeadDim).toBe(16384);
    expect(parseConfig({ ...GLM52, head_dim: 7 })).toEqual(config);
    expect(parseConfig(without(GLM52, "head_dim"))).toEqual(config);
  });

  it("G02: a tiny config has its own number of experts, not the default 256", () => {
    expect(parseConfig(TINY).nRoutedExperts).toBe(8);
    expect(parseConfig({ ...TINY, num_experts: 8 }).nRoutedExperts).toBe(8);
    const { config, asides } = readConfig({ ...TINY, num_experts: 256 });
    expect(config.nRoutedExperts).toBe(8);
    expect(asides).toEqual([
      {
        what: "config.json: num_experts",
        why: "256, but n_routed_experts is 8, as the tensors must be",
      },
    ]);
  });

  it("G03: rope_theta is read from rope_parameters, as an integer too, and has no default", () => {
    expect(parseConfig(GLM52).ropeTheta).toBe(8000000);
    const text = JSON.stringify(GLM52);
    expect(text).toContain('"rope_theta":8000000,');
    expect(parseConfig(JSON.parse(text)).ropeTheta).toBe(8000000);
    const old = { ...without(GLM52, "rope_parameters"), rope_theta: 8000000.0, rope_scaling: null };
    expect(parseConfig(old).ropeTheta).toBe(8000000);
    expect(() => parseConfig(without(GLM52, "rope_parameters"))).toThrow(
      "config.json: rope_parameters: expected an object with rope_theta, got nothing",
    );
    expect(() => parseConfig({ ...GLM52, rope_theta: 10000 })).toThrow(
      "config.json: rope_theta: expected 8000000 (rope_parameters), got 10000",
    );
  });

  it("G04: the full layers are the published 21, by the rule and by the list", () => {
    const full = (json: Json): number[] =>
      parseConfig(json).indexerTypes.flatMap((type, i) => (type === "full" ? [i] : []));
    expect(full(GLM52)).toEqual(FULL_LAYERS);
    expect(full(without(GLM52, "indexer_types"))).toEqual(FULL_LAYERS);
    expect(full(without(GLM52, "index_topk_freq", "index_skip_topk_offset"))).toEqual(FULL_LAYERS);
  });

  it("G04: a list that contradicts the rule is refused, whichever of the two is wrong", () => {
    for (const offset of [0, 1, 2, 4]) {
      expect(() => parseConfig({ ...GLM52, index_skip_topk_offset: offset })).toThrow(
        /^config\.json: indexer_types: expected (full|shared) at layer \d+ \(index_topk_freq\/offset\)/,
      );
    }
    expect(() => parseConfig(without(GLM52, "index_skip_topk_offset"))).toThrow(ConfigError);
  });

  it("reads GLM-5.1, where every layer is full", () => {
    const config = parseConfig(GLM51);
    expect(config.indexerTypes.every((type) => type === "full")).toBe(true);
    expect(config.indexerTypes.length).toBe(78);
    expect(config.ropeTheta).toBe(1000000);
    expect(config.indexShareForMtpIteration).toBe(false);
  });

  it("G06: reads the FP8 config and takes nothing from its list of modules", () => {
    expect(parseConfig({ ...GLM52, quantization_config: FP8_QUANTIZATION })).toEqual(
      parseConfig(GLM52),
    );
  });

  it("reads the extra keys of the NVFP4 copy, not its quantisation", () => {
    const extra = {
      bos_token_id: 0,
      mlp_bias: false,
      num_experts: 256,
      layer_types: Array(78).fill("deepseek_sparse_attention"),
    };
    expect(parseConfig({ ...GLM52, ...extra })).toEqual(parseConfig(GLM52));
    const quantization_config = { quant_method: "modelopt", quant_algo: "NVFP4" };
    expect(() => parseConfig({ ...GLM52, ...extra, quantization_config })).toThrow(
      'config.json: quantization_config: expected quant_method "fp8" or "glm52-groups", the only quantisations here, got modelopt NVFP4 (4.5 bits a weight); run the same model in bf16 or fp8 instead (inspect and plan work for this one, too)',
    );
  });

  it("reads what HF transformers 5.18 saves", () => {
    const config = parseConfig(HF_SAVED);
    expect(config.numNextnPredictLayers).toBe(0);
    expect(config.eosTokenIds).toEqual([1]);
    const quantization_config = {
      activation_scheme: "dynamic",
      dequantize: false,
      modules_to_convert: null,
      modules_to_not_convert: null,
      quant_method: "fp8",
      scale_fmt: "float",
      weight_block_size: [128, 128],
    };
    expect(parseConfig({ ...HF_SAVED, quantization_config })).toEqual(config);
  });

  it("takes another eps for the two latent norms, and rms_norm_eps when there is none", () => {
    expect(parseConfig(GLM52, { latentNormEps: 1e-6 }).latentNormEps).toBe(1e-6);
    expect(parseConfig({ ...GLM52, rms_norm_eps: 1e-3 }).latentNormEps).toBe(1e-3);
    expect(() => parseConfig(GLM52, { latentNormEps: 0 })).toThrow(
      "latentNormEps: expected a positive number, got 0",
    );
  });

  it("reads eos as a list, a number, or none", () => {
    expect(parseConfig({ ...TINY, eos_token_id: 0 }).eosTokenIds).toEqual([0]);
    expect(parseConfig({ ...TINY, eos_token_id: null }).eosTokenIds).toEqual([]);
    expect(parseConfig(without(TINY, "eos_token_id")).eosTokenIds).toEqual([]);
  });
});

describe("schedules", () => {
  const types = (extra: Json): string =>
    parseConfig({ ...UNSCHEDULED, ...extra })
      .indexerTypes.map((type) => type[0])
      .join("");

  it("is all full when no key says otherwise", () => {
    expect(types({})).toBe("ffff");
    expect(types({ index_topk_freq: 1 })).toBe("ffff");
  });

  it("follows frequency and offset, the offset being 2 when it is not named", () => {
    expect(types({ index_topk_freq: 2, index_skip_topk_offset: 3 })).toBe("fffs");
    expect(types({ index_topk_freq: 2 })).toBe("ffsf");
    expect(types({ index_topk_freq: 4, index_skip_topk_offset: 1 })).toBe("fsss");
  });

  it("follows a pattern in letters or words, over frequency and offset", () => {
    expect(types({ index_topk_pattern: "FSSF" })).toBe("fssf");
    expect(types({ index_topk_pattern: ["full", "shared", "full", "shared"] })).toBe("fsfs");
    expect(types({ index_topk_pattern: "FSSF", index_topk_freq: 2 })).toBe("fssf");
  });

  it("lets the list stand alone, whatever it says", () => {
    expect(types({ indexer_types: ["full", "shared", "shared", "full"] })).toBe("fssf");
  });

  it("derives the MLP layers from first_k_dense_replace, or takes the list", () => {
    const dense = (extra: Json): string =>
      parseConfig({ ...without(TINY, "mlp_layer_types", "first_k_dense_replace"), ...extra })
        .mlpLayerTypes.map((type) => type[0])
        .join("");
    expect(dense({ first_k_dense_replace: 2 })).toBe("ddss");
    expect(dense({ first_k_dense_replace: 0 })).toBe("ssss");
    expect(dense({ first_k_dense_replace: 9 })).toBe("dddd");
    expect(dense({ mlp_layer_types: ["dense", "sparse", "dense", "sparse"] })).toBe("dsds");
  });
});

describe("configs that are refused, with key, expectation and value", () => {
  const cases: readonly (readonly [Json, string])[] = [
    [
      { attention_bias: true },
      "attention_bias: expected false (the projections have no bias), got true",
    ],
    [{ mlp_bias: true }, "mlp_bias: expected false (the projections have no bias), got true"],
    [{ hidden_act: "gelu" }, 'hidden_act: expected "silu" (the only activation here), got "gelu"'],
    [
      { scoring_func: "softmax" },
      'scoring_func: expected "sigmoid" (the only router here), got "softmax"',
    ],
    [
      { topk_method: "greedy" },
      'topk_method: expected "noaux_tc" (the bias selects experts and no loss does), got "greedy"',
    ],
    [
      { rope_interleave: false },
      "rope_interleave: expected true (neighbours are rotated, not halves), got false",
    ],
    [
      { indexer_rope_interleave: false },
      "indexer_rope_interleave: expected true (neighbours are rotated, not halves), got false",
    ],
    [
      { moe_layer_freq: 2 },
      "moe_layer_freq: expected 1 (every layer after the dense ones is sparse), got 2",
    ],
    [
      { moe_router_dtype: "bfloat16" },
      'moe_router_dtype: expected "float32" (the router is never computed in less), got "bfloat16"',
    ],
    [
      { tie_word_embeddings: true },
      "tie_word_embeddings: expected false (lm_head is a tensor of its own), got true",
    ],
    [{ num_key_value_heads: 1 }, "num_key_value_heads: expected 2 (num_attention_heads), got 1"],
    [{ qk_head_dim: 8 }, "qk_head_dim: expected 12 (qk_nope_head_dim + qk_rope_head_dim), got 8"],
    [{ q_lora_rank: null }, "q_lora_rank: expected a positive integer, got nothing"],
    [
      { model_type: "deepseek_v32" },
      'model_type: expected "glm_moe_dsa" (the only architecture here), got "deepseek_v32"',
    ],
    [
      { architectures: ["LlamaForCausalLM"] },
      'architectures: expected ["GlmMoeDsaForCausalLM"], got ["LlamaForCausalLM"]',
    ],
    [
      { rope_scaling: { type: "yarn", factor: 4 } },
      'rope_scaling: type: expected "default" (positions are not scaled), got "yarn"',
    ],
    [
      { rope_parameters: { rope_theta: 1e4, rope_type: "yarn" } },
      'rope_parameters: rope_type: expected "default" (positions are not scaled), got "yarn"',
    ],
    [
      { rope_parameters: { rope_theta: 1e4, factor: 4 } },
      'rope_parameters: unknown key "factor" (value 4): it may switch on something that this engine lacks; if it changes nothing, pass over it with --ignore-config-key rope_parameters.factor (ignoreKeys)',
    ],
    [
      { rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } },
      "rope_parameters: partial_rotary_factor: expected 1 (qk_rope_head_dim says what is rotated), got 0.5",
    ],
    [
      { rope_parameters: { rope_type: "default" } },
      "rope_parameters: rope_theta: expected a number >= 1, got nothing",
    ],
    [
      { rope_parameters: { rope_theta: "8e6" } },
      'rope_parameters: rope_theta: expected a number >= 1, got "8e6"',
    ],
    [
      { layer_types: ["sliding_attention", "full_attention", "full_attention", "full_attention"] },
      'layer_types: expected a list of 4 words from indexed_attention | deepseek_sparse_attention | full_attention, got ["sliding_attention", "full_attention", "full_attention", "full_attention"]',
    ],
    [{ hidden_size: 12.5 }, "hidden_size: expected a positive integer, got 12.5"],
    [{ hidden_size: 0 }, "hidden_size: expected a positive integer, got 0"],
    [{ hidden_size: 2 ** 40 }, "hidden_size: expected a positive integer, got 1099511627776"],
    [{ hidden_size: "132" }, 'hidden_size: expected a positive integer, got "132"'],
    [{ qk_rope_head_dim: 5 }, "qk_rope_head_dim: expected a positive even integer, got 5"],
    [{ index_head_dim: 2 }, "qk_rope_head_dim: expected at most 2 (index_head_dim), got 4"],
    [
      { num_experts_per_tok: 9 },
      "num_experts_per_tok: expected at most 8 (experts in topk_group groups), got 9",
    ],
    [{ n_group: 3 }, "n_group: expected a divisor of n_routed_experts 8, got 3"],
    [{ n_group: 8 }, "n_group: expected two experts or more in each group, got 8"],
    [{ topk_group: 2 }, "topk_group: expected at most 1 (n_group), got 2"],
    [
      { n_group: 8, n_routed_experts: 16, num_experts_per_tok: 4 },
      "num_experts_per_tok: expected at most 2 (experts in topk_group groups), got 4",
    ],
    [{ num_hidden_layers: 5000 }, "num_hidden_layers: expected an integer in 1 … 1024, got 5000"],
    [
      { num_nextn_predict_layers: 2 },
      "num_nextn_predict_layers: expected 0 or 1 (the checkpoint holds one such layer at most), got 2",
    ],
    [{ norm_topk_prob: 1 }, "norm_topk_prob: expected true or false, got 1"],
    [{ rms_norm_eps: -1e-5 }, "rms_norm_eps: expected a positive number, got -0.00001"],
    [{ eos_token_id: [3, -1] }, "eos_token_id: expected a token id or a list of them, got [3, -1]"],
    [{ eos_token_id: "</s>" }, 'eos_token_id: expected a token id or a list of them, got "</s>"'],
    [
      { indexer_types: ["full", "full", "shared"] },
      'indexer_types: expected a list of 4 words from full | shared, got ["full", "full", "shared"]',
    ],
    [
      { indexer_types: ["full", "full", "full", "full"] },
      "indexer_types: expected shared at layer 2 (index_topk_freq/offset), got full",
    ],
    [
      { index_topk_pattern: "FFFF" },
      "indexer_types: expected full at layer 2 (index_topk_pattern), got shared",
    ],
    [
      { index_topk_pattern: "FFXF" },
      'index_topk_pattern: expected 4 letters F | S, or a list of 4 words from full | shared, got "FFXF"',
    ],
    [
      { index_topk_pattern: "SSSS", indexer_types: null },
      "indexer_types: expected full at layer 0 (there is none to borrow from), got shared",
    ],
    [{ index_topk_freq: 0 }, "index_topk_freq: expected a positive integer, got 0"],
    [{ first_k_dense_replace: 3 }, "first_k_dense_replace: expected 1 (mlp_layer_types), got 3"],
    [
      { mlp_layer_types: ["dense", "moe", "moe", "moe"] },
      'mlp_layer_types: expected a list of 4 words from dense | sparse, got ["dense", "moe", "moe", "moe"]',
    ],
    [
      { mlp_layer_types: null, first_k_dense_replace: null },
      "expected mlp_layer_types or first_k_dense_replace, got neither",
    ],
    [
      { sliding_window: 128 },
      'unknown key "sliding_window" (value 128): it may switch on something that this engine lacks; if it changes nothing, pass over it with --ignore-config-key sliding_window (ignoreKeys)',
    ],
    [
      { constructor: 1 },
      'unknown key "constructor" (value 1): it may switch on something that this engine lacks; if it changes nothing, pass over it with --ignore-config-key constructor (ignoreKeys)',
    ],
    [
      { quantization_config: { ...FP8_QUANTIZATION, fmt: "e5m2" } },
      'quantization_config: fmt: expected "e4m3" (the only fp8 format here), got "e5m2"',
    ],
    [
      { quantization_config: { ...FP8_QUANTIZATION, weight_block_size: [1, 128] } },
      "quantization_config: weight_block_size: expected [128, 128], got [1, 128]",
    ],
    [
      { quantization_config: { quant_method: "glm52-groups", group_size: 32, bits: 5 } },
      "quantization_config: bits: expected 4 or 8, got 5",
    ],
    [
      { quantization_config: { quant_method: "glm52-groups", bits: 8 } },
      "quantization_config: group_size: expected 32 (the only group here), got nothing",
    ],
    [
      { quantization_config: { ...FP8_QUANTIZATION, bits: 4 } },
      'quantization_config: unknown key "bits" (value 4): it may switch on something that this engine lacks; if it changes nothing, pass over it with --ignore-config-key quantization_config.bits (ignoreKeys)',
    ],
  ];
  it.each(cases)("%j", (extra, message) => {
    let error: unknown;
    try {
      parseConfig({ ...TINY, ...extra });
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).name).toBe("ConfigError");
    expect((error as ConfigError).message).toBe(`config.json: ${message}`);
  });

  it.each([null, 3, "{}", [GLM52]])("%j instead of an object", (json) => {
    expect(() => parseConfig(json)).toThrow(/^config\.json: expected an object, got /);
  });

  it("names every key that is required", () => {
    const optional = new Set([
      "architectures",
      "attention_bias",
      "attention_dropout",
      "dtype",
      "eos_token_id",
      "ep_size",
      "first_k_dense_replace",
      "head_dim",
      "hidden_act",
      "index_share_for_mtp_iteration",
      "index_topk_pattern",
      "indexer_rope_interleave",
      "indexer_types",
      "initializer_range",
      "mlp_layer_types",
      "moe_layer_freq",
      "moe_router_dtype",
      "n_group",
      "num_key_value_heads",
      "num_nextn_predict_layers",
      "pad_token_id",
      "pretraining_tp",
      "qk_head_dim",
      "rope_interleave",
      "scoring_func",
      "tie_word_embeddings",
      "topk_group",
      "topk_method",
      "transformers_version",
      "use_cache",
      "index_topk_freq",
    ]);
    for (const key of Object.keys(TINY)) {
      const parse = (): unknown => parseConfig(without(TINY, key));
      if (key === "index_topk_freq") expect(parse).toThrow("index_topk_freq/offset");
      else if (optional.has(key)) expect(parse, key).not.toThrow();
      else if (key === "index_skip_topk_offset")
        expect(parse, key).not.toThrow(); // 2 is the default
      else expect(parse, key).toThrow(key);
    }
  });
});
