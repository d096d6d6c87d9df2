/**
 * One array in NumPy's .npy format, versions 1 to 3.
 *
 * A file begins with a magic, a version and the length of its header. The header is a Python dict in
 * text. The numbers follow.
 *
 * Next: npz.ts
 * @module
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

import type { StoredDtype } from "../../../engine/weights/safetensors.ts";
import { UserError } from "../../node/user-error.ts";
import { type StoredTensor, unpack } from "./stored.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

const DTYPES: Readonly<Record<string, { dtype: StoredDtype; bytes: number }>> = {
  "<f2": { dtype: "F16", bytes: 2 },
  "<f4": { dtype: "F32", bytes: 4 },
  "<f8": { dtype: "F64", bytes: 8 },
  "<i4": { dtype: "I32", bytes: 4 },
  "<i8": { dtype: "I64", bytes: 8 },
};

/** Whether a file begins with the magic of .npy. */
export const isNpy = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/**
 * Reads an array.
 *
 * @param where the name of the array in messages
 * @throws {UserError} when it is cut off, in Fortran order, big-endian, or of another format
 */
export function readNpy(where: string, bytes: Uint8Array): StoredTensor {
  if (!isNpy(bytes)) throw new UserError(where, "expected a .npy array, got other bytes");
  const major = bytes[6];
  const lengthBytes = major === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (bytes.length < start) throw cutOff(where, start, bytes.length);
  if (major < 1 || major > 3) {
    throw new UserError(where, `expected .npy version 1, 2 or 3, got ${major}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < end) throw cutOff(where, end, bytes.length);
  const header = new TextDecoder().decode(bytes.subarray(start, end));
  const descr = field(where, header, /'descr'\s*:\s*'([^']*)'/);
  const order = field(where, header, /'fortran_order'\s*:\s*(True|False)/);
  const dims = field(where, header, /'shape'\s*:\s*\(([\d\s,]*)\)/);
  const format = Object.hasOwn(DTYPES, descr) ? DTYPES[descr] : undefined;
  if (!format) {
    throw new UserError(where, `expected <f2, <f4, <f8, <i4 or <i8, got ${descr}`);
  }
  if (order === "True") {
    throw new UserError(
      where,
      "expected C order, got Fortran order; save numpy.ascontiguousarray(x)",
    );
  }
  const shape = dims.split(",").filter((part) => part.trim() !== "");
  const sizes = shape.map(Number);
  const size = sizes.reduce((product, n) => product * n, format.bytes);
  if (bytes.length - end !== size) throw cutOff(where, end + size, bytes.length);
  return unpack(where, format.dtype, sizes, new Uint8Array(bytes.subarray(end)));
}

function field(where: string, header: string, pattern: RegExp): string {
  const found = pattern.exec(header);
  if (!found) {
    throw new UserError(where, `expected a header with ${pattern.source}, got ${header.trim()}`);
  }
  return found[1];
}

const cutOff = (where: string, expected: number, got: number): UserError =>
  new UserError(where, `expected ${expected} bytes, got ${got}`);
