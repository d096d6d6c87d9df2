/**
 * All rows of a cache as tensors, for oracles and bounds, which look at everything. A model that runs
 * reads only the rows that it needs.
 * @module
 */

import type { Tensor } from "../base/tensor.ts";
import { decode } from "../numbers/row-encoding.ts";
import type { KeyRows, LatentRows } from "./ops.ts";

/** Every index key. */
export function storedKeys<C extends string>(keys: KeyRows<C>): Tensor<["S", C]> {
  const { nS, nWidth } = keys;
  const data = new Float64Array(nS * nWidth);
  for (let s = 0; s < nS; s++) {
    decode(keys.encoding, keys.view, keyAddress(keys, s), nWidth, data, s * nWidth);
  }
  return { dims: ["S", keys.width], shape: [nS, nWidth], data };
}

/** Where the key of one position stands. */
export function keyAddress(keys: KeyRows, position: number): number {
  const block = keys.blocks[Math.floor(position / keys.pageRows)];
  return block + keys.offset + (position % keys.pageRows) * keys.stride;
}

/** The rows of one layer, decoded. */
export interface DecodedLatents {
  /** Every latent. */
  readonly latent: Tensor<["S", "kvLora"]>;
  /** Every rotary key. */
  readonly kPe: Tensor<["S", "rope"]>;
}

/** Every latent and every rotary key. */
export function storedLatents(rows: LatentRows): DecodedLatents {
  const { nS, nLatent, nRope } = rows;
  const latent = new Float64Array(nS * nLatent);
  const kPe = new Float64Array(nS * nRope);
  const at = new Uint32Array(1);
  for (let s = 0; s < nS; s++) {
    rows.bringIn({ dims: ["T", "K"], shape: [1, 1], data: Int32Array.of(s) }, 0, at);
    decode(rows.latentEncoding, rows.view, at[0], nLatent, latent, s * nLatent);
    decode(rows.kPeEncoding, rows.view, at[0] + rows.kPeAt, nRope, kPe, s * nRope);
  }
  return {
    latent: { dims: ["S", "kvLora"], shape: [nS, nLatent], data: latent },
    kPe: { dims: ["S", "rope"], shape: [nS, nRope], data: kPe },
  };
}
