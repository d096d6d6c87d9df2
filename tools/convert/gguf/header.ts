/**
 * Writes the header of a GGUF file, version 3: the metadata, and a list that says where each tensor
 * lies.
 *
 * Next: tensors.ts
 * @module
 */
import { bytesOf, type GgmlType, TYPE_ID } from "./encode.ts";

/** Every tensor begins at a multiple of this many bytes. */
export const ALIGNMENT = 32;

/** A value of the metadata, with the type that the file gives it. */
export type Value =
  | { readonly type: "u32"; readonly value: number }
  | { readonly type: "i32"; readonly value: number }
  | { readonly type: "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "list"; readonly value: readonly Value[] };

/** The name, shape and number format of a tensor in the file. */
export interface TensorInfo {
  readonly name: string;
  /** The outermost axis comes first, as everywhere in this engine; the file has it last. */
  readonly shape: readonly number[];
  readonly type: GgmlType;
}

const VALUE_ID = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, list: 9 } as const;

/** The zeros that are needed after `length` bytes to reach the next multiple of ALIGNMENT. */
export function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}

/** The number of bytes of a tensor, without padding. */
export function tensorBytes({ shape, type }: TensorInfo): number {
  return bytesOf(
    type,
    shape.reduce((a, b) => a * b, 1),
  );
}

/** The bytes that stand before the first tensor, with padding. */
export function header(
  metadata: ReadonlyMap<string, Value>,
  tensors: readonly TensorInfo[],
): Uint8Array {
  const out = new Writer();
  out.raw(new TextEncoder().encode("GGUF"));
  out.u32(3);
  out.u64(tensors.length);
  out.u64(metadata.size);
  for (const [key, value] of metadata) {
    out.string(key);
    out.u32(VALUE_ID[value.type]);
    out.value(value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    out.string(tensor.name);
    out.u32(tensor.shape.length);
    for (const n of [...tensor.shape].reverse()) out.u64(n);
    out.u32(TYPE_ID[tensor.type]);
    out.u64(offset);
    const length = tensorBytes(tensor);
    offset += length + padding(length).length;
  }
  out.raw(padding(out.length));
  return out.bytes();
}

/** Collects little-endian values as bytes. */
class Writer {
  readonly #pieces: Uint8Array[] = [];
  length = 0;

  raw(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.length += bytes.length;
  }

  u32(n: number): void {
    this.#number(4, (view) => view.setUint32(0, n, true));
  }

  u64(n: number): void {
    this.#number(8, (view) => view.setBigUint64(0, BigInt(n), true));
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u64(bytes.length);
    this.raw(bytes);
  }

  value(v: Value): void {
    if (v.type === "u32") this.u32(v.value);
    else if (v.type === "i32") this.#number(4, (view) => view.setInt32(0, v.value, true));
    else if (v.type === "f32") this.#number(4, (view) => view.setFloat32(0, v.value, true));
    else if (v.type === "bool") this.raw(Uint8Array.of(v.value ? 1 : 0));
    else if (v.type === "string") this.string(v.value);
    else this.#list(v.value);
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  #list(values: readonly Value[]): void {
    this.u32(values.length === 0 ? VALUE_ID.string : VALUE_ID[values[0].type]);
    this.u64(values.length);
    for (const v of values) this.value(v);
  }

  #number(size: number, set: (view: DataView) => void): void {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer));
    this.raw(bytes);
  }
}
