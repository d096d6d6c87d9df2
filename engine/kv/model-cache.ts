/**
 * Everything a timeline remembers: latent rows in every layer, index keys in the full ones.
 *
 * Invariants, tested in test/kv: all caches hold the same positions between steps; a row is written
 * once; a layer that shares a selection owns no index keys.
 * @module
 */
import type { ModelConfig } from "../model-config.ts";
import type { Ops } from "../ops/ops.ts";
import { IndexCache } from "./index-cache.ts";
import { LatentCache } from "./latent-cache.ts";

/** The caches of one layer. */
export interface LayerCache {
  readonly latent: LatentCache;
  /** Present exactly on full layers. */
  readonly index: IndexCache | undefined;
}

/** The caches of all main layers. */
export interface ModelCache {
  readonly layers: readonly LayerCache[];
}

/** Caches for one layer, with room for `capacity` positions. */
export function newLayerCache(
  ops: Ops,
  cfg: ModelConfig,
  isFull: boolean,
  capacity: number,
): LayerCache {
  return {
    latent: new LatentCache(ops, cfg, capacity),
    index: isFull ? new IndexCache(ops, cfg, capacity) : undefined,
  };
}

/** Caches for all main layers, with room for `capacity` positions. */
export function newModelCache(ops: Ops, cfg: ModelConfig, capacity: number): ModelCache {
  return {
    layers: cfg.indexerTypes.map((type) => newLayerCache(ops, cfg, type === "full", capacity)),
  };
}

/** Forgets every position from `length` on, in one layer. */
export function truncateLayer(cache: LayerCache, length: number): void {
  cache.latent.truncate(length);
  cache.index?.truncate(length);
}
