/**
 * Numbers as ggml stores them.
 *
 * Next: tensors.ts
 * @module
 */
import { toF16 } from "../../engine/weights/dtypes.ts";

/** Stored formats that can be written. */
export const GGML_TYPES = ["f32", "f16", "q8_0"] as const;

/** One of them. */
export type GgmlType = (typeof GGML_TYPES)[number];

/** What the file calls each. */
export const TYPE_ID: Readonly<Record<GgmlType, number>> = { f32: 0, f16: 1, q8_0: 8 };

/** Numbers of a row that share one q8_0 scale. */
export const GROUP = 32;

/** Bytes of `n` numbers; with q8_0, `n` is a multiple of {@link GROUP}. */
export function bytesOf(type: GgmlType, n: number): number {
  return type === "f32" ? 4 * n : type === "f16" ? 2 * n : (n / GROUP) * (2 + GROUP);
}

/** The numbers in a stored format, whole groups of them with q8_0. */
export function encode(type: GgmlType, x: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(bytesOf(type, x.length));
  const view = new DataView(bytes.buffer);
  if (type === "q8_0") {
    for (let g = 0; g * GROUP < x.length; g++) encodeGroup(view, g * (2 + GROUP), x, g * GROUP);
  } else {
    for (let i = 0; i < x.length; i++) {
      if (type === "f32") view.setFloat32(4 * i, x[i], true);
      else view.setUint16(2 * i, toF16(x[i]), true);
    }
  }
  return bytes;
}

/**
 * The scale in f16, then 32 signed bytes. The bytes are rounded with the scale before its own
 * rounding, halves away from zero, as ggml does.
 */
function encodeGroup(view: DataView, at: number, x: ArrayLike<number>, from: number): void {
  let largest = 0;
  for (let i = 0; i < GROUP; i++) largest = Math.max(largest, Math.abs(x[from + i]));
  const scale = Math.fround(largest / 127);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  view.setUint16(at, toF16(scale), true);
  for (let i = 0; i < GROUP; i++) {
    const q = Math.fround(x[from + i] * inverse);
    view.setInt8(at + 2 + i, Math.sign(q) * Math.round(Math.abs(q)));
  }
}
