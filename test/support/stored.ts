/**
 * Puts tensors into caches, and reads them again.
 * @module
 */
import type { ModelCache } from "../../engine/kv/model-cache.ts";
import { storedKeys, storedLatents } from "../../engine/ops/stored-rows.ts";

export { type Keeping, keyRows, latentRows } from "../../tools/golden/build/cached.ts";

/** All numbers of a model's caches: latents, rotary keys and index keys, layer by layer. */
export function cachedNumbers({ layers }: ModelCache): number[][] {
  return layers.flatMap(({ latent, index }) => {
    const { latent: c, kPe } = storedLatents(latent.rows());
    const keys = index ? [storedKeys(index.rows())] : [];
    return [c, kPe, ...keys].map(({ data }) => [...data]);
  });
}
