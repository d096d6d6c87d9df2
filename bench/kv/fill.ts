/**
 * Fills caches with random rows, so that a long past can be measured without hours of prefill.
 * @module
 */

import type { Ops } from "../../engine/index.ts";
import type { ModelCache } from "../../engine/kv/model-cache.ts";
import { positionsFrom } from "../../engine/numbers/rope-table.ts";
import { random } from "../../test/support/random.ts";

/** After this many positions, the rows repeat. */
const PERIOD = 1024;

/** Appends random rows in every layer, until the cache has `length` positions. */
export function fill(ops: Ops, cache: ModelCache, length: number): void {
  const { nKey, nLatent, nRope } = cache.table.pool.layout;
  const mark = ops.mark();
  const keys = random(ops, ["T", "rope+idxNope"], [PERIOD, nKey], 1);
  const latents = random(ops, ["T", "kvLora"], [PERIOD, nLatent], 2);
  const rotaries = random(ops, ["T", "rope"], [PERIOD, nRope], 3);
  for (let start = cache.length; start < length; start = cache.length) {
    const n = Math.min(PERIOD, length - start);
    const positions = positionsFrom(start, n);
    for (const { latent, index } of cache.layers) {
      index?.append(positions, ops.slice(keys, 0, n));
      latent.append(positions, ops.slice(latents, 0, n), ops.slice(rotaries, 0, n));
    }
    cache.freeze();
  }
  ops.release(mark);
}
