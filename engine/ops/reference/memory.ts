/**
 * Memory of the reference: ordinary typed arrays, freed by the garbage collector.
 * @module
 */
import type { RawTensor } from "../../raw-tensor.ts";
import type { Precision } from "../../rope-table.ts";
import {
  describe,
  type Floats,
  type Indices,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
  type Weight,
} from "../../tensor.ts";
import { decode } from "../../weights/dtypes.ts";
import type { Mark, Ops, Rows } from "../ops.ts";

/** The numbers of a weight that the reference placed. */
export function floatsOf(w: Weight): Floats {
  if (w.home instanceof Float32Array || w.home instanceof Float64Array) return w.home;
  throw new ShapeError(`weight ${describe(w)} was placed by another backend than the reference`);
}

/** Rows of the reference. The array is replaced by a longer one when it is full. */
interface RowsHome {
  data: Floats;
}

type Memory = Pick<
  Ops,
  "place" | "newRows" | "writeRows" | "readRows" | "mark" | "keep" | "release" | "tensor" | "read"
>;

/** The memory half of the reference, storing activations in `precision`. */
export function referenceMemory(precision: Precision): Memory {
  const floats = (source: number | ArrayLike<number>): Floats =>
    precision === "f64"
      ? new Float64Array(source as ArrayLike<number>)
      : new Float32Array(source as ArrayLike<number>);

  return {
    place<const D extends readonly string[]>(dims: D, shape: Shape<D>, raw: RawTensor): Weight<D> {
      const values = decode(raw);
      if (values.length !== sizeOf(shape)) {
        throw new ShapeError(`place ${describe({ dims, shape })}: ${values.length} values`);
      }
      const sameFormat = values instanceof Float64Array === (precision === "f64");
      return { dims, shape, home: sameFormat ? values : floats(values) };
    },

    newRows<C extends string>(width: C, nWidth: number, capacity: number): Rows<C> {
      const home: RowsHome = { data: floats(Math.min(capacity, 64) * nWidth) };
      return { width, nWidth, capacity, home };
    },

    writeRows<C extends string>(
      rows: Rows<C>,
      start: number,
      x: Tensor<[string, NoInfer<C>]>,
    ): void {
      const home = rows.home as RowsHome;
      const [nT, nC] = x.shape;
      if (nC !== rows.nWidth || start + nT > rows.capacity) {
        throw new ShapeError(
          `writeRows ${describe(x)} at ${start} into ${rows.capacity} rows of ${rows.nWidth}`,
        );
      }
      const needed = (start + nT) * nC;
      if (needed > home.data.length) {
        const longer = floats(Math.min(Math.max(needed, home.data.length * 2), rows.capacity * nC));
        longer.set(home.data);
        home.data = longer;
      }
      home.data.set(x.data, start * nC);
    },

    readRows<C extends string>(rows: Rows<C>, n: number): Tensor<["S", C]> {
      const { data } = rows.home as RowsHome;
      if (n * rows.nWidth > data.length) {
        throw new ShapeError(`readRows: ${n} rows asked, ${data.length / rows.nWidth} written`);
      }
      return {
        dims: ["S", rows.width],
        shape: [n, rows.nWidth],
        data: data.subarray(0, n * rows.nWidth),
      };
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
      if (values.length !== sizeOf(shape)) {
        throw new ShapeError(`tensor ${describe({ dims, shape })}: ${values.length} values`);
      }
      return { dims, shape, data: floats(values) };
    },

    read(x: Tensor): Floats {
      return x.data.slice();
    },
  };
}
