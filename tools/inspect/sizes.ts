/**
 * Bytes: what a token of context takes in the caches, and what the weights take, by format.
 *
 * The MTP layer counts with the weights, if the config has one, and not with the caches, where it
 * would add one latent row and one index key.
 * @module
 */

import type { ModelConfig } from "../../engine/config/model-config.ts";
import { indexKeyBytes, latentRowBytes } from "../../engine/kv/geometry.ts";
import { FP8_BLOCK } from "../../engine/numbers/raw-tensor.ts";
import { sizeOf } from "../../engine/tensor.ts";
import { expertSpecs, type TensorSpec } from "../../engine/weights/names.ts";
import { fixedSpecs, modelSpecs } from "../../engine/weights/table.ts";
import { indexerCount } from "./flops.ts";

/** Numbers that share a scale in int4 weights; the scale is f16, so 4.5 bits each. */
const INT4_GROUP = 32;

/** Formats of cached rows. */
export const KV_FORMATS = ["f32", "bf16", "int8", "fp8"] as const;

/** See {@link kvRowBytes}. */
export type KvFormat = (typeof KV_FORMATS)[number];

/** Bytes of cache for one token of context, all main layers together. */
export interface KvBytes {
  readonly latent: number;
  readonly index: number;
  readonly total: number;
}

/**
 * Bytes of one latent row and of one index key: the engine's formats, and fp8 of other engines.
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

/** Every layer keeps a latent row per token, those that choose an index key too. */
export function kvBytesPerToken(c: ModelConfig, format: KvFormat): KvBytes {
  const row = kvRowBytes(c, format);
  const latent = row.latent * c.numHiddenLayers;
  const index = row.index * indexerCount(c, "indexShare");
  return { latent, index, total: latent + index };
}

/** Formats of weights. */
export const WEIGHT_FORMATS = ["f32", "bf16", "fp8", "int4"] as const;

/**
 * `bf16` and `fp8` are the two released repositories: fp8 matrices have one f32 scale for each block
 * of 128 x 128, what the FP8 repository leaves alone is bf16. `int4` has those same matrices in
 * groups of 32; this engine does not read it. The router's bias is f32 in all of them.
 */
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** Bytes of weights. */
export interface WeightBytes {
  readonly total: number;
  /** What every token needs, besides the routed experts of which it needs a few. */
  readonly withoutRoutedExperts: number;
}

/** All that a checkpoint of this config stores, in one format. */
export function weightBytes(c: ModelConfig, format: WeightFormat): WeightBytes {
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

function tensorBytes({ name, shape, quantized }: TensorSpec, format: WeightFormat): number {
  const n = sizeOf(shape);
  if (format === "f32" || name.endsWith("e_score_correction_bias")) return 4 * n;
  if (format === "bf16" || !quantized) return 2 * n;
  const [rows, cols] = shape.slice(-2);
  if (format === "int4") return rows * (Math.ceil(cols / 2) + 2 * Math.ceil(cols / INT4_GROUP));
  return n + 4 * Math.ceil(rows / FP8_BLOCK) * Math.ceil(cols / FP8_BLOCK);
}
