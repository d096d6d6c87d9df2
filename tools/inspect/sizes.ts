/**
 * Computes sizes in bytes: of one token of context in the caches, and of the weights, for each
 * number format.
 *
 * If the config has an MTP layer, it is counted with the weights. It is not counted with the
 * caches, where it would add one latent row and one index key.
 * @module
 */

import { sizeOf } from "../../engine/base/tensor.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { indexKeyBytes, latentRowBytes } from "../../engine/kv/geometry.ts";
import { GROUP_FORMATS } from "../../engine/numbers/groups.ts";
import { FP8_BLOCK, GROUP } from "../../engine/numbers/raw-tensor.ts";
import { expertSpecs, mayHaveGroups, type TensorSpec } from "../../engine/weights/names.ts";
import { fixedSpecs, modelSpecs } from "../../engine/weights/table.ts";
import { indexerCount } from "./flops.ts";

/** The number formats of cached rows; {@link kvRowBytes} describes them. */
export const KV_FORMATS = ["f32", "bf16", "int8", "fp8"] as const;

/** The name of a number format of cached rows. */
export type KvFormat = (typeof KV_FORMATS)[number];

/** Bytes of cache for one token of context, all main layers together. */
export interface KvBytes {
  readonly latent: number;
  readonly index: number;
  readonly total: number;
}

/**
 * Bytes of one latent row and of one index key. `fp8` is a format of other engines; this engine has
 * the other three.
 *
 * | format | latent row of GLM-5.2                    | index key            |
 * |--------|------------------------------------------|----------------------|
 * | f32    | 576 · 4 = 2304                           | 128 · 4 = 512        |
 * | bf16   | 576 · 2 = 1152                           | 128 · 2 = 256        |
 * | int8   | 512 + 8 f16 scales + 64 bf16 = 656       | 128 + 1 f32 = 132    |
 * | fp8    | 512 e4m3 + 4 f32 scales + 64 bf16 = 656  | 128 + 1 f32 = 132    |
 *
 * @see fp8: the rows of FlashMLA and DeepGEMM
 */
export function kvRowBytes(c: ModelConfig, format: KvFormat): { latent: number; index: number } {
  if (format !== "fp8")
    return { latent: latentRowBytes(c, format), index: indexKeyBytes(c, format) };
  const bytes = (channels: number) => channels + 4 * Math.ceil(channels / FP8_BLOCK);
  return { latent: bytes(c.kvLoraRank) + 2 * c.qkRopeHeadDim, index: bytes(c.indexHeadDim) };
}

/**
 * Bytes of cache for one token. Every layer keeps a latent row of it, and each layer with an
 * indexer keeps an index key too.
 */
export function kvBytesPerToken(c: ModelConfig, format: KvFormat): KvBytes {
  const row = kvRowBytes(c, format);
  const latent = row.latent * c.numHiddenLayers;
  const index = row.index * indexerCount(c, "indexShare");
  return { latent, index, total: latent + index };
}

/** The number formats of weights: those that this engine runs. */
export const WEIGHT_FORMATS = ["f32", "bf16", "fp8", "q8", "q4"] as const;

/**
 * The name of a number format of weights. `bf16` and `fp8` are the two released repositories. In
 * `fp8`, matrices have one f32 scale for each block of 128 x 128, and the tensors that the FP8
 * repository does not quantise are bf16. `q8` and `q4` are what `glm52 quantize` makes of `bf16`. The
 * router's bias is f32 in all formats.
 */
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** Bytes of weights. */
export interface WeightBytes {
  readonly total: number;
  /** The weights without the routed experts, of which each token needs only a few. */
  readonly withoutRoutedExperts: number;
}

/**
 * Bytes of all tensors that a checkpoint of this config has, in one format. For a format of another
 * project, the number of bits of a quantised weight is given instead of a name.
 */
export function weightBytes(c: ModelConfig, format: WeightFormat | number): WeightBytes {
  const bytes = (specs: readonly TensorSpec[]): number =>
    specs.reduce((n, spec) => n + tensorBytes(spec, format), 0);
  const routed = c.nRoutedExperts * bytes(Object.values(expertSpecs(c, 0)));
  const { globals, layers, mtp } = modelSpecs(c);
  let always = bytes([...Object.values(globals), ...Object.values(mtp?.ends ?? {})]);
  let experts = 0;
  for (const layer of mtp ? [...layers, mtp.layer] : layers) {
    always += bytes(fixedSpecs(layer));
    if (layer.ffn.kind === "sparse") experts += routed;
  }
  return { total: always + experts, withoutRoutedExperts: always };
}

/** Bytes of the main model's weights by when they are needed. */
export interface WeightParts {
  /** All of the layers but their routed experts; every token needs it. */
  readonly trunk: number;
  /** The largest part of the trunk that one layer has. */
  readonly layerTrunk: number;
  /** The last norm and the head. */
  readonly head: number;
  /** One row of the embedding. */
  readonly embeddingRow: number;
  /** One routed expert. */
  readonly expert: number;
  /** How many layers have routed experts. */
  readonly sparseLayers: number;
  /**
   * What `kv_b_proj` takes more in memory than in a file, in all layers: with groups the half of the keys is
   * f32 there.
   *
   * @see splitKvB of engine/numbers/split-kv-b.ts
   */
  readonly widened: number;
}

/** The parts of the main model's weights in one format. */
export function weightParts(c: ModelConfig, format: WeightFormat): WeightParts {
  const bytes = (specs: readonly TensorSpec[]): number =>
    specs.reduce((n, spec) => n + tensorBytes(spec, format), 0);
  const { globals, layers } = modelSpecs(c);
  const { embedTokens, ...others } = globals;
  const trunks = layers.map((layer) => bytes(fixedSpecs(layer)));
  return {
    trunk: trunks.reduce((a, b) => a + b, 0),
    layerTrunk: Math.max(...trunks),
    head: bytes(Object.values(others)),
    embeddingRow: bytes([embedTokens]) / c.vocabSize,
    expert: bytes(Object.values(expertSpecs(c, 0))),
    sparseLayers: layers.filter(({ ffn }) => ffn.kind === "sparse").length,
    widened: layers.reduce((n, { attn }) => n + widenedBytes(c, attn.kvBProj, format), 0),
  };
}

function widenedBytes(c: ModelConfig, kvB: TensorSpec, format: WeightFormat): number {
  if (format === "f32" || format === "bf16" || format === "fp8") return 0;
  const isKey = c.qkNopeHeadDim / (c.qkNopeHeadDim + c.vHeadDim);
  return isKey * (tensorBytes(kvB, "f32") - tensorBytes(kvB, format));
}

/**
 * Bytes of the weights that a step of one token reads: all of the main model but the experts that the
 * router did not choose, and one row of the embedding.
 */
export function readBytes(c: ModelConfig, format: WeightFormat): number {
  const { trunk, head, embeddingRow, expert, sparseLayers } = weightParts(c, format);
  return trunk + head + embeddingRow + sparseLayers * c.numExpertsPerTok * expert;
}

function tensorBytes(spec: TensorSpec, format: WeightFormat | number): number {
  const { name, shape, quantized } = spec;
  const n = sizeOf(shape);
  if (format === "f32" || name.endsWith("e_score_correction_bias")) return 4 * n;
  if (format === "q8" || format === "q4") {
    const perGroup = GROUP_FORMATS[format].bytes + 2; // with its f16 scale
    return mayHaveGroups(spec) ? (n / GROUP) * perGroup : 2 * n;
  }
  if (format === "bf16" || !quantized) return 2 * n;
  if (typeof format === "number") return Math.ceil((n * format) / 8);
  const [rows, cols] = shape.slice(-2);
  return n + 4 * Math.ceil(rows / FP8_BLOCK) * Math.ceil(cols / FP8_BLOCK);
}
