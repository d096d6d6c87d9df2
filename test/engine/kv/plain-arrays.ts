/**
 * Timelines over pages, each beside plain arrays that it must equal.
 * @module
 */

import { latentEncodings } from "../../../engine/kv/geometry.ts";
import type { ModelCache } from "../../../engine/kv/model-cache.ts";
import type { PageFormat } from "../../../engine/kv/page-layout.ts";
import { positionsFrom } from "../../../engine/numbers/rope-table.ts";
import { encode, encodedBytes } from "../../../engine/numbers/row-encoding.ts";
import type { LatentRows } from "../../../engine/ops/ops.ts";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { keyAddress } from "../../../engine/ops/stored-rows.ts";

export const SIZES = { kvLoraRank: 5, qkRopeHeadDim: 2, indexHeadDim: 3 };
export const TYPES = ["full", "full", "shared"] as const;

export const ops = referenceOps("f32");

/** A timeline, and the plain arrays that it must equal: the numbers of each position. */
export interface Pair {
  readonly cache: ModelCache;
  readonly positions: Float32Array[];
}

const PER_LAYER = SIZES.kvLoraRank + SIZES.qkRopeHeadDim;
export const PER_POSITION = TYPES.length * (PER_LAYER + SIZES.indexHeadDim);

/** Returns columns `from … from + n − 1` of some positions. */
function columns<const D extends string>(rows: Float32Array[], dim: D, from: number, n: number) {
  const values = rows.flatMap((row) => [...row.subarray(from, from + n)]);
  return ops.tensor(["T", dim], [rows.length, n], values);
}

export function append({ cache, positions }: Pair, rows: Float32Array[]): void {
  const { kvLoraRank, qkRopeHeadDim, indexHeadDim } = SIZES;
  const at = positionsFrom(positions.length, rows.length);
  cache.layers.forEach(({ latent, index }, l) => {
    const rowAt = l * PER_LAYER;
    const keysAt = TYPES.length * PER_LAYER + l * indexHeadDim;
    index?.append(at, columns(rows, "rope+idxNope", keysAt, indexHeadDim));
    latent.append(
      at,
      columns(rows, "kvLora", rowAt, kvLoraRank),
      columns(rows, "rope", rowAt + kvLoraRank, qkRopeHeadDim),
    );
  });
  positions.push(...rows);
}

/** Brings every row in, with one query for each position, and shows where it lies. */
export function bringInAll(rows: LatentRows, show: (s: number, at: number) => void): void {
  const data = Int32Array.from({ length: rows.nS }, (_, s) => s);
  const each = { dims: ["T", "K"] as ["T", "K"], shape: [rows.nS, 1] as const, data };
  const at = new Uint32Array(rows.nS);
  for (let from = 0; from < rows.nS; ) {
    const end = rows.bringIn(each, from, at);
    for (let s = from; s < end; s++) show(s, at[s - from]);
    from = end;
  }
}

/** Returns the bytes that `encode` makes of some numbers. */
function encoded(encoding: Parameters<typeof encode>[0], values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(encodedBytes(encoding, values.length));
  encode(encoding, values, 0, values.length, new DataView(bytes.buffer), 0);
  return bytes;
}

function same(got: Uint8Array, want: Uint8Array, where: string): void {
  const at = want.findIndex((byte, i) => byte !== got[i]);
  if (at >= 0) throw new Error(`${where}: byte ${at} is ${got[at]}, expected ${want[at]}`);
}

/** Compares every byte of every row of a timeline with its arrays. */
export function compare(
  { cache, positions }: Pair,
  { latent: format, index: keyFormat }: PageFormat,
) {
  const [latentEncoding, kPeEncoding] = latentEncodings(format);
  const { kvLoraRank, indexHeadDim } = SIZES;
  cache.layers.forEach(({ latent, index }, l) => {
    const rows = latent.rows();
    bringInAll(rows, (s, at) => {
      const bytes = new Uint8Array(rows.view.buffer);
      const numbers = positions[s].subarray(l * PER_LAYER, (l + 1) * PER_LAYER);
      const where = `layer ${l}, position ${s}`;
      same(bytes.subarray(at), encoded(latentEncoding, numbers.slice(0, kvLoraRank)), where);
      const kPe = encoded(kPeEncoding, numbers.slice(kvLoraRank));
      same(bytes.subarray(at + rows.kPeAt), kPe, `${where}, rotary`);
    });
    const keys = index?.rows();
    const keysAt = TYPES.length * PER_LAYER + l * indexHeadDim;
    positions.forEach((row, s) => {
      if (!keys) return;
      const key = encoded(keyFormat, row.slice(keysAt, keysAt + indexHeadDim));
      const bytes = new Uint8Array(keys.view.buffer, keyAddress(keys, s));
      same(bytes, key, `layer ${l}, position ${s}, key`);
    });
  });
}
