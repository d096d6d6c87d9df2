/**
 * Memory of the reference: ordinary typed arrays, freed by the garbage collector.
 * @module
 */

import { MemoryError } from "../../base/errors.ts";
import {
  describe,
  type Floats,
  type Indices,
  type Shape,
  ShapeError,
  type Tensor,
  type Weight,
} from "../../base/tensor.ts";
import { areFinite } from "../../numbers/all-finite.ts";
import { decode } from "../../numbers/formats.ts";
import type { RawTensor } from "../../numbers/raw-tensor.ts";
import type { Precision } from "../../numbers/rope-table.ts";
import { checkPlace, checkTensor } from "../doors.ts";
import type { Mark, Ops, RowMemory } from "../ops.ts";
import { type Ground, RowBlocks } from "../row-blocks.ts";

/** A weight of the reference. */
interface Home {
  readonly values: Floats;
  /** Whether it was stored in groups, whose products may take activations in int8. */
  readonly isGrouped: boolean;
}

/** Whether `w` was stored in q8 or q4. */
export function isGrouped(w: Weight): boolean {
  return (w.home as Partial<Home>).isGrouped === true;
}

/** The numbers of a weight that the reference placed. */
export function floatsOf(w: Weight): Floats {
  const { values } = w.home as Partial<Home>;
  if (values !== undefined) return values;
  throw new ShapeError(`weight ${describe(w)} was placed by another backend than the reference`);
}

/** @throws {MemoryError} when the runtime has no such array */
function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    const what = `expected ${bytes} bytes for caches, the runtime has none: ${String(cause)}`;
    throw new MemoryError("reference memory", what, { cause });
  }
}

/** Pages in one array, which a longer one replaces when it is full. */
class Growing implements Ground {
  view = new DataView(new ArrayBuffer(0));
  bytes = new Uint8Array(this.view.buffer);
  #used = 0;

  extend(bytes: number): number {
    const address = this.#used;
    this.#used = address + 64 * Math.ceil(bytes / 64);
    if (this.#used > this.bytes.length) {
      const longer = allocate(Math.max(this.#used, 2 * this.bytes.length));
      longer.set(this.bytes);
      this.bytes = longer;
      this.view = new DataView(longer.buffer);
    }
    return address;
  }
}

type Memory = Pick<
  Ops,
  "place" | "shelf" | "rowMemory" | "mark" | "keep" | "release" | "tensor" | "read"
>;

/** The memory half of the reference, storing activations in `precision`. */
export function referenceMemory(precision: Precision): Memory {
  const floats = (source: number | ArrayLike<number>): Floats =>
    precision === "f64"
      ? new Float64Array(source as ArrayLike<number>)
      : new Float32Array(source as ArrayLike<number>);

  const place = <const D extends readonly string[]>(
    dims: D,
    shape: Shape<D>,
    raw: RawTensor,
  ): Weight<D> => {
    checkPlace(dims, shape, raw);
    const decoded = decode(raw);
    const sameFormat = decoded instanceof Float64Array === (precision === "f64");
    const values = sameFormat ? decoded : floats(decoded);
    return { dims, shape, home: { values, isGrouped: raw.groupScales !== undefined } };
  };

  return {
    place,

    // The garbage collector takes from the shelf what nobody holds any more.
    shelf: () => ({
      bytes: 0,
      room: (bytes) => new Uint8Array(bytes),
      areFinite,
      place,
      clear: () => {},
    }),

    rowMemory(): RowMemory {
      return new RowBlocks(new Growing());
    },

    mark(): Mark {
      return 0;
    },

    keep<A extends Tensor | Indices, B extends Tensor | Indices>(_mark: Mark, a: A, b: B): [A, B] {
      return [a, b];
    },

    release(): void {},

    tensor<const D extends readonly string[]>(
      dims: D,
      shape: Shape<D>,
      values: ArrayLike<number>,
    ): Tensor<D> {
      checkTensor(dims, shape, values);
      return { dims, shape, data: floats(values) };
    },

    read(x: Tensor): Floats {
      return x.data.slice();
    },
  };
}
