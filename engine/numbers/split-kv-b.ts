/**
 * Cuts `kv_b_proj` into the two factors of absorption. Numbers are moved and never rounded. They keep their
 * format, except where fp8 blocks or groups would be cut.
 * @module
 */

import { sizeOf } from "../base/tensor.ts";
import { decode, encodeF32 } from "./formats.ts";
import type { RawTensor } from "./raw-tensor.ts";

/** The two halves of `kv_b_proj`, in the form that absorption multiplies with. */
export interface KvUp {
  /** `[H, kvLora, nope]`: `kUp[h,c,d] = kvB[h · (nope + v) + d, c]` */
  readonly kUp: RawTensor;
  /** `[H, v, kvLora]`: `vUp[h,d,c] = kvB[h · (nope + v) + nope + d, c]` */
  readonly vUp: RawTensor;
}

/**
 * Splits `kv_b_proj` `[H*nope+v, kvLora]` by head, and transposes the key half.
 *
 * fp8 becomes f32 first: a head of 448 rows is three and a half blocks, and a transposed block
 * would need transposed scales too. Of tensors in groups, only the keys become f32, because their
 * rows change; the values keep their rows.
 */
export function splitKvB(kvB: RawTensor, nH: number, nope: number, v: number): KvUp {
  const raw = kvB.dtype === "F8_E4M3" ? encodeF32(kvB.shape, decode(kvB)) : kvB;
  const keys = raw.groupScales ? encodeF32(raw.shape, decode(raw)) : raw;
  return { kUp: turnedKeys(keys, nH, nope, v), vUp: valueRows(raw, nH, nope, v) };
}

/** The key half, each head transposed. */
function turnedKeys(raw: RawTensor, nH: number, nope: number, v: number): RawTensor {
  const nC = raw.shape[1];
  const from = elementsOf(raw);
  const k = from.slice(0, nH * nope * nC);
  for (let h = 0; h < nH; h++) {
    const row = h * (nope + v);
    for (let d = 0; d < nope; d++) {
      for (let c = 0; c < nC; c++) k[(h * nC + c) * nope + d] = from[(row + d) * nC + c];
    }
  }
  return { dtype: raw.dtype, shape: [nH, nC, nope], bytes: new Uint8Array(k.buffer) };
}

/** The value half, as it is stored: the last `v` rows of each head. */
export function valueRows(raw: RawTensor, nH: number, nope: number, v: number): RawTensor {
  const [nRows, nC] = raw.shape;
  const pick = <A extends Uint8Array | Uint16Array>(all: A): A => {
    const width = all.length / nRows;
    const rows = all.slice(0, nH * v * width) as A;
    for (let h = 0; h < nH; h++) {
      const from = (h * (nope + v) + nope) * width;
      rows.set(all.subarray(from, from + v * width), h * v * width);
    }
    return rows;
  };
  const values = { dtype: raw.dtype, shape: [nH, v, nC], bytes: pick(raw.bytes) };
  return raw.groupScales ? { ...values, groupScales: pick(raw.groupScales) } : values;
}

type Elements = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/** The elements as whole words, so that their bits move unchanged. */
function elementsOf({ bytes, shape }: RawTensor): Uint16Array {
  const n = sizeOf(shape);
  const width = bytes.length / n;
  const isAligned = bytes.byteOffset % width === 0;
  const { buffer, byteOffset } = isAligned ? bytes : new Uint8Array(bytes);
  const words: Elements =
    width === 8
      ? new BigUint64Array(buffer, byteOffset, n)
      : width === 4
        ? new Uint32Array(buffer, byteOffset, n)
        : width === 2
          ? new Uint16Array(buffer, byteOffset, n)
          : new Uint8Array(buffer, byteOffset, n);
  // All four have the same methods; only the words' width differs, and no word is looked into.
  return words as Uint16Array;
}
