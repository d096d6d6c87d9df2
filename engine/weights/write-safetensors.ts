/**
 * Writes safetensors files, for traces, tests and the demo model.
 * @module
 * @see safetensors.ts for the format
 */
import type { StoredTensor } from "./checkpoint.ts";
import { formBytes, STORED_BYTES, showShape, type TensorForm } from "./safetensors.ts";
import { WeightsError } from "./weights-error.ts";

/** Tensors begin at a multiple of this many bytes, so that every number is aligned. */
const ALIGNMENT = 8;

/** A tensor without its numbers, and its name. */
export type NamedForm = readonly [name: string, form: TensorForm];

/** The beginning of a file, and what must follow it. */
export interface SafetensorsHeader {
  /** The first bytes of the file. */
  readonly bytes: Uint8Array;
  /** The tensors whose bytes follow, in this order. */
  readonly names: readonly string[];
  /** Bytes of all tensors together. */
  readonly dataLength: number;
}

/**
 * Makes the header of a safetensors file. Equal input gives equal bytes: tensors are sorted by the
 * size of their elements, the widest first, and then by name (by UTF-16 code unit); metadata are
 * sorted by key.
 */
export function safetensorsHeader(
  tensors: Readonly<Record<string, TensorForm>>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsHeader {
  return headerInOrder(usualOrder(Object.entries(tensors)), metadata);
}

/** Tensors by the size of their elements, the widest first, and then by name. */
export function usualOrder(tensors: readonly NamedForm[]): NamedForm[] {
  const byName = tensors.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return byName.sort(([, a], [, b]) => STORED_BYTES[b.dtype] - STORED_BYTES[a.dtype]);
}

/**
 * Makes the header of a file whose tensors stand in this order.
 *
 * @param alignment the first of them begins at a multiple of so many bytes
 */
export function headerInOrder(
  tensors: readonly NamedForm[],
  metadata: Readonly<Record<string, string>> = {},
  alignment: number = ALIGNMENT,
): SafetensorsHeader {
  const header: [string, unknown][] = [];
  const meta = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (meta.length > 0) header.push(["__metadata__", Object.fromEntries(meta)]);
  let end = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const length = formBytes({ dtype, shape });
    header.push([name, { dtype, shape, data_offsets: [end, end + length] }]);
    end += length;
  }

  const items = header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${items.join(",")}}`);
  const bytes = new Uint8Array(alignment * Math.ceil((8 + json.length) / alignment));
  new DataView(bytes.buffer).setUint32(0, bytes.length - 8, true); // far below 2^32
  bytes.fill(" ".charCodeAt(0), 8);
  bytes.set(json, 8);
  return { bytes, names: tensors.map(([name]) => name), dataLength: end };
}

/**
 * Makes a whole safetensors file, in the order of {@link safetensorsHeader}.
 *
 * @throws {WeightsError} when a tensor's bytes are not as many as its shape says
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    if (bytes.length !== formBytes({ dtype, shape }) || name === "__metadata__") {
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
