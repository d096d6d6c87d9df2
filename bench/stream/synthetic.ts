/**
 * A model with GLM-5.2's dimensions and routing and random numbers: what each of its tensors holds.
 *
 * - Matrices are normal, of a deviation that gives products of deviation 1. In fp8 they are drawn from
 *   a table of 65,536 e4m3 numbers with deviation 105, so that the largest is near 448, as where block
 *   scales are amax / 448; all scales are equal. Uniformly random bytes would be far slower to multiply: a
 *   sixteenth of them are subnormal.
 * - What `o_proj` and `down_proj` write has a size that grows with the residual stream: a layer adds
 *   {@link ADDED} of what it finds. So neighbouring layers see inputs of cosine 0.955, and the router of
 *   the next layer, given this layer's input, finds about 72 % of the experts that it will choose.
 * - The router's rows give logits of deviation 1, and its bias has the spread of the released one.
 * - {@link "topics"} says what the embedding is.
 *
 * Next: make-checkpoint.ts
 * @module
 */

import { parseConfig } from "../../engine/config/config.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { toBf16, toE4m3 } from "../../engine/numbers/formats.ts";
import { exp } from "../../engine/numbers/math.ts";
import { SCALE_SUFFIX } from "../../engine/weights/names.ts";
import type { TensorForm } from "../../engine/weights/safetensors.ts";
import { layerOf } from "../../engine/weights/surplus.ts";
import type { Setting } from "../../test/support/routing.ts";
import { FP8_QUANTIZATION, type Json } from "../../tools/stream/official-config.ts";
import { fillFrom, keyOf, normalTable } from "./draws.ts";
import { fillRows } from "./topics.ts";

/** What a layer adds to the residual stream, as a part of what it finds there. */
const ADDED = 0.31;

/** The part of it that attention adds to a token that sees only itself; to others, about half of it. */
const ADDED_BY_ATTENTION = 0.35;

/** The part that is left for the feed-forward block. */
const ADDED_BY_FFN = Math.sqrt(ADDED ** 2 - (0.4 * ADDED_BY_ATTENTION) ** 2);

/** The deviation of the e4m3 numbers in a matrix: that of the largest of some thousands is then 448. */
const FP8_DEVIATION = 105;

/** Mean and deviation of the router's bias: the released ones lie in 6.817 … 7.063. */
const BIAS = { mean: 6.94, deviation: 0.04 };

/** Which model is made. */
export interface Synthetic {
  readonly config: ModelConfig;
  readonly seed: number;
  readonly setting: Setting;
}

/**
 * The config of the first layers of a model, with some of its dense layers left out. Its first three
 * layers are full and those after them shared.
 */
export function syntheticJson(whole: Json, nDense: number, nSparse: number): Json {
  const {
    index_topk_freq: _,
    index_topk_pattern: __,
    index_skip_topk_offset: ___,
    ...rest
  } = whole;
  const n = nDense + nSparse;
  return {
    ...rest,
    num_hidden_layers: n,
    num_nextn_predict_layers: 0,
    first_k_dense_replace: nDense,
    mlp_layer_types: Array.from({ length: n }, (_, i) => (i < nDense ? "dense" : "sparse")),
    indexer_types: Array.from({ length: n }, (_, i) => (i < 3 ? "full" : "shared")),
    quantization_config: FP8_QUANTIZATION,
  };
}

/** The model of a config. */
export function syntheticModel(json: Json, seed: number, setting: Setting): Synthetic {
  return { config: parseConfig(json), seed, setting };
}

/** Makes the bytes of tensors, any part of them by itself. */
export class SyntheticNumbers {
  readonly #model: Synthetic;
  readonly #normal: Float64Array = normalTable();
  readonly #normalF32: Float32Array = Float32Array.from(this.#normal);
  readonly #fp8: Uint8Array = Uint8Array.from(this.#normal, (z) => toE4m3(FP8_DEVIATION * z));
  readonly #swiglu: number = rmsOfSwiglu(this.#normal);
  readonly #tables = new Map<string, Uint16Array>();

  constructor(model: Synthetic) {
    this.#model = model;
  }

  /**
   * Fills `target` with the elements `begin …` of a tensor. Of the embedding, these must be whole rows.
   */
  fill(target: Uint8Array, name: string, { dtype, shape }: TensorForm, begin = 0): void {
    const { config, seed, setting } = this.#model;
    const key = keyOf(seed, name);
    if (name.endsWith(SCALE_SUFFIX)) {
      const matrix = name.slice(0, -SCALE_SUFFIX.length);
      f32Of(target).fill(this.#spread(matrix).deviation / FP8_DEVIATION);
    } else if (name === "model.embed_tokens.weight") {
      const rows = [begin / shape[1], target.length / 2 / shape[1]] as const;
      const { vocabSize } = config;
      fillRows(halvesOf(target), rows, { vocabSize, seed, setting }, this.#normalF32);
    } else if (dtype === "F8_E4M3") {
      fillFrom(target, this.#fp8, key, begin);
    } else if (dtype === "F32") {
      const { mean, deviation } = this.#spread(name);
      const numbers = f32Of(target);
      fillFrom(numbers, this.#normalF32, key, begin);
      for (let i = 0; i < numbers.length; i++) numbers[i] = mean + deviation * numbers[i];
    } else {
      fillFrom(halvesOf(target), this.#table(name), key, begin);
    }
  }

  /** The numbers that a bf16 tensor is drawn from. */
  #table(name: string): Uint16Array {
    const { mean, deviation } = this.#spread(name);
    const of = `${mean} ${deviation}`;
    const made =
      this.#tables.get(of) ?? Uint16Array.from(this.#normal, (z) => toBf16(mean + deviation * z));
    this.#tables.set(of, made);
    return made;
  }

  /** Mean and deviation of a tensor's numbers. */
  #spread(name: string): { readonly mean: number; readonly deviation: number } {
    const { config: c } = this.#model;
    if (name.endsWith("norm.bias")) return { mean: 0, deviation: 0 };
    if (/norm\.weight$/.test(name)) return { mean: 1, deviation: 0 };
    if (name.endsWith("e_score_correction_bias")) return BIAS;
    const residual = (1 + ADDED ** 2) ** (layerOf(name) / 2); // its size before the layer
    const [attention, ffn] = [residual * ADDED_BY_ATTENTION, residual * ADDED_BY_FFN];
    return { mean: 0, deviation: deviationOf(c, name, { attention, ffn, swiglu: this.#swiglu }) };
  }
}

/** The root mean square of `silu(g) · u` for `g` and `u` drawn from these numbers. */
function rmsOfSwiglu(normal: Float64Array): number {
  const squares = normal.reduce((sum, z) => sum + (z / (1 + exp(-z))) ** 2, 0);
  return Math.sqrt(squares / normal.length);
}

/** The deviation of a matrix: what it reads has deviation 1, or `swiglu` behind a SwiGLU. */
function deviationOf(
  c: ModelConfig,
  name: string,
  added: { readonly attention: number; readonly ffn: number; readonly swiglu: number },
): number {
  const shared = c.moeIntermediateSize * c.nSharedExperts;
  const inputs: readonly (readonly [RegExp, number])[] = [
    [/\.o_proj\./, c.numAttentionHeads * c.vHeadDim],
    [/\.(q_b_proj|indexer\.wq_b)\./, c.qLoraRank],
    [/\.kv_b_proj\./, c.kvLoraRank],
    [/\.experts\.\d+\.down_proj\./, c.moeIntermediateSize],
    [/\.shared_experts\.down_proj\./, shared],
    [/\.down_proj\./, c.intermediateSize],
    [/./, c.hiddenSize],
  ];
  const nInputs = inputs.find(([form]) => form.test(name))?.[1] ?? c.hiddenSize;
  const unit = 1 / Math.sqrt(nInputs);
  if (name.includes(".o_proj.")) return unit * added.attention;
  if (!name.includes(".down_proj.")) return unit;
  const written = (unit * added.ffn) / added.swiglu;
  if (!/experts/.test(name)) return written;
  // Half of the variance comes from the shared expert, half from the routed ones, whose weights
  // are nearly equal and have the sum `routedScalingFactor`.
  if (name.includes("shared_experts")) return written / Math.SQRT2;
  return ((written / Math.SQRT2) * Math.sqrt(c.numExpertsPerTok)) / c.routedScalingFactor;
}

const f32Of = ({ buffer, byteOffset, length }: Uint8Array): Float32Array =>
  new Float32Array(buffer, byteOffset, length / 4);

const halvesOf = ({ buffer, byteOffset, length }: Uint8Array): Uint16Array =>
  new Uint16Array(buffer, byteOffset, length / 2);
