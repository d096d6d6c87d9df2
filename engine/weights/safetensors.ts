/**
 * Reads the safetensors container: 8 bytes of length, that many bytes of JSON, then all numbers.
 *
 * ```text
 * | N: u64 | header: N bytes of JSON                                       | data …       |
 *            {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}, …}
 * ```
 *
 * Offsets count from the end of the header. The tensors cover the data without overlap and without
 * gap, so no byte is unused and none belongs to two tensors.
 *
 * Files come from strangers, so every number is checked before memory is allocated for it.
 *
 * Next: checkpoint.ts
 * @module
 * @see https://github.com/huggingface/safetensors#format
 */
import { sizeOf } from "../base/tensor.ts";
import { type ByteSource, readExactly } from "./byte-source.ts";
import { parseJson } from "./json.ts";
import { WeightsError } from "./weights-error.ts";

/** A number format in a file, of those that fill whole bytes. Weights may have only some of them. */
export type StoredDtype =
  | ("F64" | "F32" | "F16" | "BF16" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0")
  | ("I64" | "I32" | "I16" | "I8" | "U64" | "U32" | "U16" | "U8" | "BOOL");

/** Bytes of one element. */
export const STORED_BYTES: Readonly<Record<StoredDtype, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Where a tensor is in its file, and in which format. */
export interface TensorEntry {
  /** The format of its numbers. */
  readonly dtype: StoredDtype;
  /** Length of each axis. */
  readonly shape: readonly number[];
  /** Its first byte, counted from the start of the file. */
  readonly offset: number;
  /** Its number of bytes. */
  readonly length: number;
}

/** Format and shape of a tensor. */
export type TensorForm = Pick<TensorEntry, "dtype" | "shape">;

/** Bytes of a tensor. */
export function formBytes({ dtype, shape }: TensorForm): number {
  return sizeOf(shape) * STORED_BYTES[dtype];
}

/** The directory of one file. */
export interface Header {
  /** The place of each tensor, by its name. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Notes that whoever wrote the file added. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Bytes of the longest header that is read. The format's own library has the same limit. */
export const MAX_HEADER = 100_000_000;

/**
 * Reads and checks the directory of a safetensors file.
 *
 * @throws {WeightsError} when anything in it is not as the top of this file says
 */
export async function readHeader(source: ByteSource): Promise<Header> {
  const where = source.name;
  if (source.size < 8) {
    throw new WeightsError(
      where,
      `expected 8 bytes of header length, got a file of ${source.size}`,
    );
  }
  const prefix = await readExactly(source, 0, 8);
  const words = new DataView(prefix.buffer, prefix.byteOffset, 8);
  const length = words.getUint32(4, true) * 2 ** 32 + words.getUint32(0, true);
  if (length > MAX_HEADER) {
    throw new WeightsError(
      where,
      `expected a header of at most ${MAX_HEADER} bytes, got ${length}`,
    );
  }
  if (length > source.size - 8) {
    throw new WeightsError(
      where,
      `expected a header of ${length} bytes, got a file of ${source.size}`,
    );
  }
  const bytes = await readExactly(source, 8, length);
  if (bytes[0] !== "{".charCodeAt(0)) {
    throw new WeightsError(where, "expected a header that begins with {, got another byte");
  }
  const json = parseJson(`${where}: header`, bytes, "sizes") as {
    readonly __metadata__?: unknown;
  };

  const metadata = readMetadata(where, json.__metadata__);
  const dataStart = 8 + length;
  const tensors = new Map<string, TensorEntry>();
  for (const [name, entry] of Object.entries(json)) {
    if (name === "__metadata__") continue;
    tensors.set(name, readEntry(`${where}: ${name}`, entry, dataStart));
  }
  checkCover(where, tensors, dataStart, source.size - dataStart);
  return { tensors, metadata };
}

function readMetadata(where: string, json: unknown): ReadonlyMap<string, string> {
  if (json === undefined) return new Map();
  if (!isObject(json) || !Object.values(json).every((v) => typeof v === "string")) {
    throw new WeightsError(where, "__metadata__: expected an object of strings");
  }
  return new Map(Object.entries(json as Record<string, string>));
}

function readEntry(where: string, json: unknown, dataStart: number): TensorEntry {
  if (!isObject(json) || Object.keys(json).sort().join() !== "data_offsets,dtype,shape") {
    throw new WeightsError(where, "expected an object of dtype, shape and data_offsets");
  }
  const { dtype, shape, data_offsets: offsets } = json;
  if (typeof dtype !== "string" || !Object.hasOwn(STORED_BYTES, dtype)) {
    throw new WeightsError(where, `unknown dtype ${JSON.stringify(dtype)?.slice(0, 40)}`);
  }
  if (!isSizes(shape)) {
    throw new WeightsError(where, "expected shape to be a list of sizes below 2^53");
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw new WeightsError(where, "expected data_offsets to be [begin, end], begin <= end");
  }
  const bytes = STORED_BYTES[dtype as StoredDtype];
  let expected = bytes;
  for (const n of shape) {
    expected *= n;
    if (!Number.isSafeInteger(expected)) {
      throw new WeightsError(where, `shape ${showShape(shape)} overflows 2^53 bytes`);
    }
  }
  const length = offsets[1] - offsets[0];
  if (expected !== length) {
    const text = `${dtype} ${showShape(shape)} to span ${expected} bytes`;
    throw new WeightsError(where, `expected ${text}, got ${length}`);
  }
  return { dtype: dtype as StoredDtype, shape, offset: dataStart + offsets[0], length };
}

/** Checks that every byte after the header belongs to exactly one tensor. */
function checkCover(
  where: string,
  tensors: ReadonlyMap<string, TensorEntry>,
  dataStart: number,
  nData: number,
): void {
  const byPlace = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let end = 0;
  let before = "the header";
  for (const [name, { offset, length }] of byPlace) {
    const begin = offset - dataStart;
    if (begin !== end) {
      const fault = begin < end ? "overlaps" : "leaves a gap after";
      throw new WeightsError(where, `${name} ${fault} ${before}: begins at ${begin}, not ${end}`);
    }
    end = begin + length;
    before = name;
  }
  if (end !== nData) {
    throw new WeightsError(where, `expected tensors for ${nData} bytes of data, got ${end}`);
  }
}

/** Prints a shape, `[2048, 6144]`, for messages. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.slice(0, 8).join(", ")}${shape.length > 8 ? ", …" : ""}]`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
