/**
 * The memory half of the wasm backend: caches that grow, scratch that is kept or freed.
 * @module
 */
import {
  describe,
  type Indices,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
} from "../../tensor.ts";
import type { Mark, Ops, Rows } from "../ops.ts";
import type { Arena } from "./arena.ts";
import type { Machine } from "./kernels.ts";
import { place } from "./placed.ts";

/** Rows that a cache has room for at first. */
const FIRST_ROWS = 64;

/**
 * Where the rows of a cache stand. A block that has become too small is left behind, twice as large
 * a one takes its place: what is left behind is always smaller than what is in use, and views of
 * it stay what they were.
 */
interface RowsHome {
  address: number;
  /** Rows that fit; at most the capacity. */
  room: number;
}

type Memory = Pick<
  Ops,
  "place" | "newRows" | "writeRows" | "readRows" | "mark" | "keep" | "release" | "tensor" | "read"
>;

/** Everything of {@link Ops} that puts numbers somewhere. */
export function wasmMemory(machine: Machine): Memory {
  const { arena } = machine;
  return {
    place: place(machine),
    ...wasmRows(arena),
    mark: () => arena.mark(),
    release: (mark) => arena.release(mark),
    keep: keep(arena),

    tensor<const D extends readonly string[]>(
      dims: D,
      shape: Shape<D>,
      values: ArrayLike<number>,
    ): Tensor<D> {
      if (values.length !== sizeOf(shape)) {
        throw new ShapeError(`tensor ${describe({ dims, shape })}: ${values.length} values`);
      }
      const data = arena.newFloats(values.length);
      data.set(values);
      return { dims, shape, data };
    },

    read: (x) => x.data.slice(),
  };
}

function wasmRows(arena: Arena): Pick<Ops, "newRows" | "writeRows" | "readRows"> {
  const makeRoom = (rows: Rows, needed: number): void => {
    const home = rows.home as RowsHome;
    if (needed <= home.room) return;
    const n = home.room * rows.nWidth;
    const room = Math.min(Math.max(needed, 2 * home.room), rows.capacity);
    const address = arena.stay(4 * room * rows.nWidth);
    arena.floats(address, n).set(arena.floats(home.address, n));
    home.address = address;
    home.room = room;
  };

  return {
    newRows<C extends string>(width: C, nWidth: number, capacity: number): Rows<C> {
      const room = Math.min(capacity, FIRST_ROWS);
      const home: RowsHome = { address: arena.stay(4 * room * nWidth), room };
      return { width, nWidth, capacity, home };
    },

    writeRows(rows, start, x) {
      const [nT, nC] = x.shape;
      if (nC !== rows.nWidth || start + nT > rows.capacity) {
        throw new ShapeError(
          `writeRows ${describe(x)} at ${start} into ${rows.capacity} rows of ${rows.nWidth}`,
        );
      }
      makeRoom(rows, start + nT);
      const { address } = rows.home as RowsHome;
      arena.floats(address + 4 * start * nC, nT * nC).set(x.data);
    },

    readRows<C extends string>(rows: Rows<C>, n: number): Tensor<["S", C]> {
      const { address, room } = rows.home as RowsHome;
      if (n > room) throw new ShapeError(`readRows: ${n} rows asked, ${room} written`);
      const data = arena.floats(address, n * rows.nWidth);
      return { dims: ["S", rows.width], shape: [n, rows.nWidth], data };
    },
  };
}

/** What is kept is copied out before scratch is freed, so no order of moving can be wrong. */
const keep =
  (arena: Arena): Ops["keep"] =>
  <A extends Tensor | Indices, B extends Tensor | Indices>(mark: Mark, a: A, b: B): [A, B] => {
    const numbersOf = (x: Tensor | Indices) =>
      arena.isSince(mark, x.data) ? x.data.slice() : undefined;
    const numbers = [numbersOf(a), numbersOf(b)];
    arena.release(mark);
    const back = <X extends Tensor | Indices>(
      x: X,
      data: Tensor["data"] | Int32Array | undefined,
    ): X => {
      if (!data) return x;
      const isIndex = data instanceof Int32Array;
      const home = isIndex ? arena.newInts(data.length) : arena.newFloats(data.length);
      home.set(data);
      return { ...x, data: home };
    };
    return [back(a, numbers[0]), back(b, numbers[1])];
  };
