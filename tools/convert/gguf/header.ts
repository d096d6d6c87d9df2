/**
 * The beginning of a GGUF file, version 3: metadata, then where each tensor lies.
 *
 * Next: tensors.ts
 * @module
 */
import { bytesOf, type GgmlType, TYPE_ID } from "./encode.ts";

/** Every tensor begins at a multiple of this many bytes. */
export const ALIGNMENT = 32;

/** A metadata value with its stored type. */
export type Value =
  | { readonly type: "u32"; readonly value: number }
  | { readonly type: "i32"; readonly value: number }
  | { readonly type: "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "list"; readonly value: readonly Value[] };

/** What a file holds under a name. */
export interface TensorInfo {
  readonly name: string;
  /** Outermost axis first, as everywhere here; the file lists them the other way round. */
  readonly shape: readonly number[];
  readonly type: GgmlType;
}

const VALUE_ID = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, list: 9 } as const;

/** Zeros that bring `length` to the next aligned place. */
export function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}

/** Bytes of a tensor without its padding. */
export function tensorBytes({ shape, type }: TensorInfo): number {
  return bytesOf(
    type,
    shape.reduce((a, b) => a * b, 1),
  );
}

/** All that stands before the first tensor, padded. */
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

/** Little-endian bytes that grow. */
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
