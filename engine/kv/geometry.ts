/**
 * How many bytes a position costs.
 *
 * Layers that share a selection always read the same positions, so their rows lie side by side: one
 * read of a group's row serves all of its layers. Only the full layer at the head of a group owns
 * index keys. Everything comes from `indexer_types`; no layer number is written here.
 *
 * Next: page-layout.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import { type Encoding, encodedBytes } from "../numbers/row-encoding.ts";
import { CacheError } from "./cache-error.ts";

/**
 * How the numbers of a row are stored. In `int8`, a latent row has one f16 scale for each 64 latent
 * numbers, and its rotary part is bf16; an index key has one f32 scale. `f64` is for a reference
 * that computes in f64.
 */
export type RowFormat = "f64" | "f32" | "bf16" | "int8";

/** The layers that read one selection. */
export interface SelectionGroup {
  /** Their numbers, from 0 on, ascending. The first is the full one, which selects. */
  readonly layers: readonly number[];
}

/** The fields of the config that sizes depend on. */
export type SizedConfig = Pick<
  ModelConfig,
  "indexerTypes" | "kvLoraRank" | "qkRopeHeadDim" | "indexHeadDim"
>;

/** Bytes of one position. */
export interface PositionBytes {
  /** Bytes of the latent rows of all layers. */
  readonly latent: number;
  /** Bytes of the index keys, which only full layers have. */
  readonly index: number;
}

/**
 * Cuts the layers into groups. A group is a full layer and the shared ones that follow it.
 *
 * @throws {CacheError} when the first layer is shared: it would have no selection to read
 */
export function selectionGroups(
  indexerTypes: SizedConfig["indexerTypes"],
): readonly SelectionGroup[] {
  const groups: number[][] = [];
  indexerTypes.forEach((type, layer) => {
    if (type === "full") groups.push([layer]);
    else if (groups.length > 0) groups[groups.length - 1].push(layer);
    else throw new CacheError("indexer_types", `expected layer ${layer} to be full, got ${type}`);
  });
  return groups.map((layers) => ({ layers }));
}

/** Returns how a latent and its rotary key are encoded. */
export function latentEncodings(format: RowFormat): readonly [latent: Encoding, kPe: Encoding] {
  return format === "int8" ? ["int8x64", "bf16"] : [format, format];
}

/** Returns the bytes of one layer's latent and rotary key at one position. */
export function latentRowBytes(cfg: SizedConfig, format: RowFormat): number {
  const [latent, kPe] = latentEncodings(format);
  return encodedBytes(latent, cfg.kvLoraRank) + encodedBytes(kPe, cfg.qkRopeHeadDim);
}

/** Returns the bytes of one index key. */
export function indexKeyBytes(cfg: SizedConfig, format: RowFormat): number {
  return encodedBytes(format, cfg.indexHeadDim);
}

/**
 * Returns what one position costs, all layers together.
 *
 * `latent = Σ_group layers(group) · latentRowBytes`, `index = groups · indexKeyBytes`
 *
 * GLM-5.2 in f32: 78 · 2304 = 179,712 bytes of latent, 21 · 512 = 10,752 bytes of index keys.
 * Tables and free pages are not counted.
 */
export function positionBytes(
  cfg: SizedConfig,
  latentFormat: RowFormat,
  indexFormat: RowFormat,
): PositionBytes {
  const groups = selectionGroups(cfg.indexerTypes);
  const nRows = groups.reduce((sum, { layers }) => sum + layers.length, 0);
  return {
    latent: nRows * latentRowBytes(cfg, latentFormat),
    index: groups.length * indexKeyBytes(cfg, indexFormat),
  };
}
