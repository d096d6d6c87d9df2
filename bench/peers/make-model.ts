/**
 * A model to measure with: the architecture whole, its numbers from a seed.
 *
 *     node dist/bench/peers/make-model.js .cache/bench            0.8 GB in q8
 *     node dist/bench/peers/make-model.js .cache/bench --large    more than 5 GiB in q8, for bench/memory.ts
 *
 * The folder gets `bf16`, `q8` and `q4` in our format, and for llama.cpp `f16.gguf`, `q8_0.gguf`
 * and `q4_0.gguf` of the same numbers. What is there already is not made again.
 * @module
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { argv, stderr } from "node:process";
import { parseConfig } from "../../engine/config.ts";
import type { TensorSpec } from "../../engine/weights/names.ts";
import { checkpointSpecs } from "../../engine/weights/table.ts";
import { safetensorsHeader } from "../../engine/weights/write-safetensors.ts";
import { writeGguf } from "../../tools/gguf/write-gguf.ts";
import { writeQuantized } from "../../tools/quantize-folder.ts";
import { writePieces, writeWhole } from "../../tools/write-whole.ts";

/** GLM-5.2 in small: its ratios where they decide what a step reads, two IndexShare groups. */
const SMALL = {
  model_type: "glm_moe_dsa",
  architectures: ["GlmMoeDsaForCausalLM"],
  hidden_size: 2048,
  num_hidden_layers: 8,
  intermediate_size: 6144,
  moe_intermediate_size: 768,
  first_k_dense_replace: 1,
  moe_layer_freq: 1,
  n_routed_experts: 16,
  n_shared_experts: 1,
  num_experts_per_tok: 4,
  n_group: 1,
  topk_group: 1,
  norm_topk_prob: true,
  routed_scaling_factor: 2.5,
  scoring_func: "sigmoid",
  topk_method: "noaux_tc",
  num_attention_heads: 16,
  num_key_value_heads: 16,
  q_lora_rank: 768,
  kv_lora_rank: 512,
  qk_nope_head_dim: 192,
  qk_rope_head_dim: 64,
  v_head_dim: 256,
  index_n_heads: 8,
  index_head_dim: 128,
  index_topk: 512,
  indexer_types: ["full", "full", "full", "shared", "shared", "shared", "full", "shared"],
  indexer_rope_interleave: true,
  max_position_embeddings: 65536,
  rope_parameters: { rope_theta: 8000000, rope_type: "default" },
  rope_interleave: true,
  rms_norm_eps: 1e-5,
  hidden_act: "silu",
  attention_bias: false,
  attention_dropout: 0,
  tie_word_embeddings: false,
  vocab_size: 32768,
  num_nextn_predict_layers: 0,
  torch_dtype: "bfloat16",
  use_cache: true,
  bos_token_id: 0,
  eos_token_id: [1],
  pad_token_id: 1,
};

/** Six times the experts. */
const LARGE = {
  ...SMALL,
  num_hidden_layers: 10,
  n_routed_experts: 112,
  indexer_types: [...SMALL.indexer_types, "shared", "shared"],
};

const SEED = 0x9e3779b9;

/** bf16 of even numbers between ± √(3 / columns): rows of unit length on the average. */
function* weights(shape: readonly number[], random: () => number): Generator<Uint8Array> {
  const nRows = shape.slice(0, -1).reduce((n, length) => n * length, 1);
  const nColumns = shape[shape.length - 1];
  const step = Math.max(1, Math.floor(2 ** 22 / nColumns));
  const scale = Math.sqrt(3 / nColumns) / 2 ** 31;
  for (let r = 0; r < nRows; r += step) {
    const values = new Float32Array(Math.min(step, nRows - r) * nColumns);
    for (let i = 0; i < values.length; i++) values[i] = random() * scale;
    yield upperHalves(values);
  }
}

/** A vector: ones for a norm's gain, zeros for a bias. */
function vector({ name, shape }: TensorSpec): Uint8Array {
  return upperHalves(new Float32Array(shape[0]).fill(name.endsWith("bias") ? 0 : 1));
}

/** bf16 by cutting: of random numbers it does not matter how they are rounded. */
function upperHalves(values: Float32Array): Uint8Array {
  const words = new Uint16Array(values.buffer);
  return new Uint8Array(
    Uint16Array.from({ length: values.length }, (_, i) => words[2 * i + 1]).buffer,
  );
}

/** Signed 32-bit numbers. */
function xorshift(seed: number): () => number {
  let x = seed | 0;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x;
  };
}

async function makeBf16(folder: string, json: typeof SMALL): Promise<void> {
  const config = parseConfig(json);
  const specs = [...checkpointSpecs(config, config.numHiddenLayers, () => "per-expert")];
  const tensors = specs.map(
    ({ name, shape }) => [name, { dtype: "BF16" as const, shape }] as const,
  );
  const header = safetensorsHeader(Object.fromEntries(tensors), { format: "pt" });
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const random = xorshift(SEED);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield header.bytes;
    for (const name of header.names) {
      const spec = byName.get(name) as TensorSpec;
      if (spec.shape.length === 1) yield vector(spec);
      else yield* weights(spec.shape, random);
    }
  }
  await writePieces(join(folder, "model.safetensors"), pieces());
  await writeWhole(join(folder, "config.json"), new TextEncoder().encode(JSON.stringify(json)));
}

/** Runs `make` in a folder that takes its name only when it is complete. */
async function once(path: string, make: (path: string) => Promise<unknown>): Promise<void> {
  if (existsSync(path)) return;
  stderr.write(`${path}\n`);
  const partial = `${path}.part`;
  await rm(partial, { recursive: true, force: true });
  if (!path.endsWith(".gguf")) await mkdir(partial, { recursive: true });
  await make(partial);
  await rename(partial, path);
}

const folder = argv[2];
const isLarge = argv.includes("--large");
const root = join(folder, isLarge ? "large" : "small");
await mkdir(root, { recursive: true });
const bf16 = join(root, "bf16");
const silent = () => {};
await once(bf16, (path) => makeBf16(path, isLarge ? LARGE : SMALL));
await once(join(root, "q8"), (path) => writeQuantized(bf16, path, "q8", [], silent));
if (!isLarge) {
  await once(join(root, "q4"), (path) => writeQuantized(bf16, path, "q4", [], silent));
  for (const type of ["f16", "q8_0", "q4_0"] as const) {
    await once(join(root, `${type}.gguf`), (path) => writeGguf(bf16, path, type, {}));
  }
}
