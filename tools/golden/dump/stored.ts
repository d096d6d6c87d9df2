/**
 * Turns the bytes of one tensor into numbers, for all containers that a dump may be in.
 *
 * Next: npy.ts, npz.ts, text.ts
 * @module
 */

import { decode } from "../../../engine/numbers/formats.ts";
import type { Dtype } from "../../../engine/numbers/raw-tensor.ts";
import type { StoredDtype } from "../../../engine/weights/safetensors.ts";
import { UserError } from "../../node/user-error.ts";
import type { GoldenTensor } from "../case/case.ts";

/** A tensor with its stored format. */
export interface StoredTensor extends GoldenTensor {
  readonly dtype: StoredDtype;
}

const FLOATS: readonly StoredDtype[] = ["F64", "F32", "F16", "BF16"];

/**
 * Unpacks little-endian numbers in C order.
 *
 * @param where the file and the tensor, for messages
 * @throws {UserError} for a format that is neither float nor a signed integer of 4 or 8 bytes
 */
export function unpack(
  where: string,
  dtype: StoredDtype,
  shape: readonly number[],
  bytes: Uint8Array,
): StoredTensor {
  if (FLOATS.includes(dtype)) {
    return { dtype, shape, data: decode({ dtype: dtype as Dtype, shape, bytes }) };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === "I32") {
    return { dtype, shape, data: integers(bytes.length / 4, (i) => view.getInt32(4 * i, true)) };
  }
  if (dtype === "I64") {
    const at = (i: number): number => Number(view.getBigInt64(8 * i, true));
    return { dtype, shape, data: integers(bytes.length / 8, at) };
  }
  throw new UserError(where, `expected F64, F32, F16, BF16, I32 or I64, got ${dtype}`);
}

const integers = (n: number, at: (i: number) => number): Int32Array =>
  Int32Array.from({ length: n }, (_, i) => at(i));
