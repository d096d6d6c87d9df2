/**
 * Products with one matrix, and with one for each head.
 * @module
 */

import { checkLinear, checkPerHead } from "../doors.ts";
import type { Ops } from "../ops.ts";
import type { Machine } from "./machine.ts";
import { placedOf } from "./placed.ts";
import { multiplyAll, type Product } from "./products.ts";
import { paddedRows, rowsFor } from "./rows.ts";

/** {@link Ops.linear}. Rows that do not fill whole vectors are copied first, and filled up with zeros. */
export const linear =
  (machine: Machine): Ops["linear"] =>
  (x, w) => {
    checkLinear(x, w);
    const { arena } = machine;
    const [nT, nI] = x.shape;
    const [nO] = w.shape;
    const data = arena.newFloats(nT * nO);
    const mark = arena.mark();
    const matrix = placedOf(machine, w).matrices[0];
    const rows = rowsFor(machine, paddedRows(machine, x.data, nT, nI), nT, matrix.format);
    const y = data.byteOffset;
    multiplyAll(machine, [{ y, yStride: 4 * nO, x: rows, nT, w: matrix, nO }]);
    arena.release(mark);
    return { dims: [x.dims[0], w.dims[0]], shape: [nT, nO], data };
  };

/** {@link Ops.perHead}: one product for each head. The rows of a head lie nH rows apart. */
export const perHead =
  (machine: Machine): Ops["perHead"] =>
  (x, w) => {
    checkPerHead(x, w);
    const { arena } = machine;
    const [nT, nH, nI] = x.shape;
    const [, nO] = w.shape;
    const data = arena.newFloats(nT * nH * nO);
    const mark = arena.mark();
    const { matrices } = placedOf(machine, w);
    const padded = paddedRows(machine, x.data, nT * nH, nI);
    const all = rowsFor(machine, padded, nT * nH, matrices[0].format);
    const { address, stride, nColumns } = all;
    const products = matrices.map((w, h): Product => {
      const rows = { address: address + h * stride, stride: nH * stride, nColumns };
      return { y: data.byteOffset + 4 * h * nO, yStride: 4 * nH * nO, x: rows, nT, w, nO };
    });
    multiplyAll(machine, products);
    arena.release(mark);
    return { dims: [x.dims[0], x.dims[1], w.dims[1]], shape: [nT, nH, nO], data };
  };
