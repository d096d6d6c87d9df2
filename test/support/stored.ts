/**
 * Tensors as a cache holds them, and back.
 * @module
 */
import type { ModelCache } from "../../engine/kv/model-cache.ts";
import { storedKeys, storedLatents } from "../../engine/ops/stored-rows.ts";

export { type Keeping, keyRows, latentRows } from "../../tools/golden/build/cached.ts";

/** Every number of every cache: keys, latents and rotary keys, layer by layer. */
export function cachedNumbers({ layers }: ModelCache): number[][] {
  return layers.flatMap(({ latent, index }) => {
    const { latent: c, kPe } = storedLatents(latent.rows());
    const keys = index ? [storedKeys(index.rows())] : [];
    return [c, kPe, ...keys].map(({ data }) => [...data]);
  });
}
