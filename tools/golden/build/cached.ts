/**
 * Tensors as a cache holds them, for ops that read rows of a cache.
 * @module
 */

import type { Tensor } from "../../../engine/base/tensor.ts";
import type { RowFormat } from "../../../engine/kv/geometry.ts";
import { IndexCache } from "../../../engine/kv/index-cache.ts";
import { LatentCache } from "../../../engine/kv/latent-cache.ts";
import { pageLayout } from "../../../engine/kv/page-layout.ts";
import { PagePool } from "../../../engine/kv/page-pool.ts";
import { PageTable } from "../../../engine/kv/page-table.ts";
import { positionsFrom } from "../../../engine/numbers/rope-table.ts";
import type { KeyRows, LatentRows, Ops } from "../../../engine/ops/ops.ts";

/** How the rows are kept. */
export interface Keeping {
  /** Default 3: then rows are not contiguous by chance. */
  readonly pageRows?: number;
  /** Default: the format in which nothing is rounded. */
  readonly format?: RowFormat;
}

/** Index keys in a cache. */
export function keyRows<C extends string>(
  ops: Ops,
  keys: Tensor<["S", C]>,
  keeping: Keeping = {},
): KeyRows<C> {
  const [table, layer] = oneLayer(ops, { indexHeadDim: keys.shape[1] }, keeping);
  if (!layer.keys) throw new Error("a full layer has keys");
  const positions = positionsFrom(0, keys.shape[0]);
  const [held] = new IndexCache(table, layer.keys).append(positions, keys as never);
  return { ...held.keys, width: keys.dims[1] };
}

/** Latents and rotary keys in a cache. */
export function latentRows(
  ops: Ops,
  latent: Tensor<["S", "kvLora"]>,
  kPe: Tensor<["S", "rope"]>,
  keeping: Keeping = {},
): LatentRows {
  const widths = { kvLoraRank: latent.shape[1], qkRopeHeadDim: kPe.shape[1] };
  const [table, layer] = oneLayer(ops, widths, keeping);
  return new LatentCache(table, layer).append(
    positionsFrom(0, latent.shape[0]),
    latent as never,
    kPe as never,
  );
}

function oneLayer(ops: Ops, widths: object, { pageRows = 3, format = ops.precision }: Keeping) {
  const sizes = { kvLoraRank: 1, qkRopeHeadDim: 1, indexHeadDim: 1, ...widths };
  const layout = pageLayout(sizes, ["full"], { latent: format, index: format, pageRows });
  const table = new PageTable(new PagePool(ops.rowMemory(), layout));
  return [table, layout.layers[0]] as const;
}
