/**
 * Writes safetensors files, for traces, tests and the demo model.
 * @module
 * @see safetensors.ts for the format
 */
import { sizeOf } from "../tensor.ts";
import type { StoredTensor } from "./checkpoint.ts";
import { STORED_BYTES, showShape } from "./safetensors.ts";
import { WeightsError } from "./weights-error.ts";

/** Bytes to which the header is padded, so that every tensor begins aligned for its elements. */
const ALIGNMENT = 8;

/** A file's first bytes, and the names of its tensors in the order in which their bytes follow. */
export interface SafetensorsHeader {
  readonly bytes: Uint8Array;
  readonly names: readonly string[];
  /** Bytes of all tensors together. */
  readonly dataLength: number;
}

/**
 * The header of a safetensors file. Equal input gives equal bytes: tensors stand in the order of
 * their element size, widest first, and then of their names (by UTF-16 code unit), metadata keys
 * by name.
 */
export function safetensorsHeader(
  tensors: Readonly<Record<string, Omit<StoredTensor, "bytes">>>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsHeader {
  const byName = Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));
  const ordered = byName.sort(([, a], [, b]) => STORED_BYTES[b.dtype] - STORED_BYTES[a.dtype]);

  const header: [string, unknown][] = [];
  const meta = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (meta.length > 0) header.push(["__metadata__", Object.fromEntries(meta)]);
  let end = 0;
  for (const [name, { dtype, shape }] of ordered) {
    const length = sizeOf(shape) * STORED_BYTES[dtype];
    header.push([name, { dtype, shape, data_offsets: [end, end + length] }]);
    end += length;
  }

  const items = header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${items.join(",")}}`);
  const headerLength = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(8 + headerLength);
  new DataView(bytes.buffer).setUint32(0, headerLength, true); // far below 2^32
  bytes.fill(" ".charCodeAt(0), 8);
  bytes.set(json, 8);
  return { bytes, names: ordered.map(([name]) => name), dataLength: end };
}

/**
 * One safetensors file, in the order of {@link safetensorsHeader}.
 *
 * @throws {WeightsError} when a tensor's bytes are not as many as its shape says
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    if (bytes.length !== sizeOf(shape) * STORED_BYTES[dtype] || name === "__metadata__") {
      const text = `${dtype} ${showShape(shape)}`;
      throw new WeightsError(name, `cannot write ${text} from ${bytes.length} bytes`);
    }
  }
  const header = safetensorsHeader(tensors, metadata);
  const file = new Uint8Array(header.bytes.length + header.dataLength);
  file.set(header.bytes);
  let at = header.bytes.length;
  for (const name of header.names) {
    file.set(tensors[name].bytes, at);
    at += tensors[name].bytes.length;
  }
  return file;
}
