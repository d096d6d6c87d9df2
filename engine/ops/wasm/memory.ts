/**
 * The ops of the wasm backend that concern memory: weights are placed, pages of caches are taken, scratch
 * is kept or freed.
 * @module
 */

import type { Indices, Shape, Tensor } from "../../base/tensor.ts";
import { checkTensor } from "../doors.ts";
import type { Mark, Ops } from "../ops.ts";
import { RowBlocks } from "../row-blocks.ts";
import type { Arena } from "./arena.ts";
import { placeKvB } from "./kv-halves.ts";
import type { Machine } from "./machine.ts";
import { lasting, place } from "./placed.ts";
import { shelf } from "./shelf.ts";

type Memory = Pick<
  Ops,
  "place" | "placeKvB" | "shelf" | "rowMemory" | "mark" | "keep" | "release" | "tensor" | "read"
>;

/** Everything of {@link Ops} that puts numbers somewhere. */
export function wasmMemory(machine: Machine): Memory {
  const { arena } = machine;
  const rows = new RowBlocks({
    ...arena.all(),
    extend: (bytes) => arena.stay(bytes),
    bytesLeft: () => arena.bytesLeft,
  });
  return {
    place: place(machine, lasting(machine)),
    placeKvB: placeKvB(machine, lasting(machine)),
    shelf: shelf(machine),
    rowMemory: () => rows,
    mark: () => arena.mark(),
    release: (mark) => arena.release(mark),
    keep: keep(arena),

    tensor<const D extends readonly string[]>(
      dims: D,
      shape: Shape<D>,
      values: ArrayLike<number>,
    ): Tensor<D> {
      checkTensor(dims, shape, values);
      const data = arena.newFloats(values.length);
      data.set(values);
      return { dims, shape, data };
    },

    read: (x) => x.data.slice(),
  };
}

/** Copies both tensors out of the scratch before it is freed, and back afterwards. */
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
