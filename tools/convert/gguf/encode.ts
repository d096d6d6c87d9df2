/**
 * Numbers as ggml stores them.
 *
 * Next: tensors.ts
 * @module
 */

import { toF16 } from "../../../engine/numbers/formats.ts";
import { GROUP_FORMATS, type GroupFormat, toGroups } from "../../../engine/numbers/groups.ts";
import { GROUP } from "../../../engine/numbers/raw-tensor.ts";

/** Stored formats that can be written. */
export const GGML_TYPES = ["f32", "f16", "q8_0", "q4_0"] as const;

/** One of them. */
export type GgmlType = (typeof GGML_TYPES)[number];

/** What the file calls each. */
export const TYPE_ID: Readonly<Record<GgmlType, number>> = { f32: 0, f16: 1, q4_0: 2, q8_0: 8 };

/** The types that come in groups, by our names for them. */
const GROUPED: Readonly<Partial<Record<GgmlType, GroupFormat>>> = { q8_0: "q8", q4_0: "q4" };

/** Whether rows of `nCols` numbers can have the type: groups do not go on in the next row. */
export function fitsRows(type: GgmlType, nCols: number): boolean {
  return GROUPED[type] === undefined || nCols % GROUP === 0;
}

/** Bytes of `n` numbers; with groups, `n` is a multiple of {@link GROUP}. */
export function bytesOf(type: GgmlType, n: number): number {
  const format = GROUPED[type];
  if (format !== undefined) return (n / GROUP) * (2 + GROUP_FORMATS[format].bytes);
  return type === "f32" ? 4 * n : 2 * n;
}

/** The numbers in a stored format, whole groups of them where it has groups. */
export function encode(type: GgmlType, x: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(bytesOf(type, x.length));
  const view = new DataView(bytes.buffer);
  const format = GROUPED[type];
  if (format !== undefined) {
    const { quants, scales } = toGroups(format, x);
    const width = GROUP_FORMATS[format].bytes;
    scales.forEach((scale, g) => {
      view.setUint16(g * (2 + width), scale, true);
      bytes.set(quants.subarray(g * width, (g + 1) * width), g * (2 + width) + 2);
    });
  } else {
    for (let i = 0; i < x.length; i++) {
      if (type === "f32") view.setFloat32(4 * i, x[i], true);
      else view.setUint16(2 * i, toF16(x[i]), true);
    }
  }
  return bytes;
}
