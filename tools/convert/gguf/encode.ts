/**
 * Writes numbers in the formats of ggml, the library of llama.cpp.
 *
 * Next: tensors.ts
 * @module
 */

import { toF16 } from "../../../engine/numbers/formats.ts";
import { GROUP_FORMATS, type GroupFormat, toGroups } from "../../../engine/numbers/groups.ts";
import { GROUP } from "../../../engine/numbers/raw-tensor.ts";

/** The number formats that can be written. */
export const GGML_TYPES = ["f32", "f16", "q8_0", "q4_0"] as const;

/** The name of a number format in ggml. */
export type GgmlType = (typeof GGML_TYPES)[number];

/** The number that stands for each format in a file. */
export const TYPE_ID: Readonly<Record<GgmlType, number>> = { f32: 0, f16: 1, q4_0: 2, q8_0: 8 };

/** The formats that store groups of numbers with one scale, and their names in this engine. */
const GROUPED: Readonly<Partial<Record<GgmlType, GroupFormat>>> = { q8_0: "q8", q4_0: "q4" };

/** Whether rows of `nCols` numbers can have the format. A group must not cross the end of a row. */
export function fitsRows(type: GgmlType, nCols: number): boolean {
  return GROUPED[type] === undefined || nCols % GROUP === 0;
}

/** The number of bytes of `n` numbers. For formats with groups, `n` is a multiple of GROUP. */
export function bytesOf(type: GgmlType, n: number): number {
  const format = GROUPED[type];
  if (format !== undefined) return (n / GROUP) * (2 + GROUP_FORMATS[format].bytes);
  return type === "f32" ? 4 * n : 2 * n;
}

/** Encodes numbers. For formats with groups, the count of numbers is a multiple of GROUP. */
export function encode(type: GgmlType, x: ArrayLike<number>): Uint8Array {
  const format = GROUPED[type];
  if (format !== undefined) return encodeGroups(format, x);
  const bytes = new Uint8Array(bytesOf(type, x.length));
  const view = new DataView(bytes.buffer);
  if (type === "f32") for (let i = 0; i < x.length; i++) view.setFloat32(4 * i, x[i], true);
  else for (let i = 0; i < x.length; i++) view.setUint16(2 * i, toF16(x[i]), true);
  return bytes;
}

/** Groups, each behind its scale. */
function encodeGroups(format: GroupFormat, x: ArrayLike<number>): Uint8Array {
  const { quants, scales } = toGroups(format, x);
  const width = GROUP_FORMATS[format].bytes;
  const bytes = new Uint8Array(scales.length * (2 + width));
  const view = new DataView(bytes.buffer);
  for (let g = 0; g < scales.length; g++) {
    const at = g * (2 + width);
    view.setUint16(at, scales[g], true);
    for (let i = 0; i < width; i++) bytes[at + 2 + i] = quants[g * width + i];
  }
  return bytes;
}
