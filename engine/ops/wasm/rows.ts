/**
 * Brings rows of activations into the form that the kernels read: f32 filled up with zeros to whole
 * vectors, or int8 in groups.
 *
 * Next: products.ts
 * @module
 */

import type { Floats } from "../../base/tensor.ts";
import { GROUP } from "../../numbers/raw-tensor.ts";
import type { Machine } from "./machine.ts";
import { type Format, padded } from "./placed.ts";

/** Rows in the first memory, as kernels read them: padded f32, or int8 in groups. */
export interface Rows {
  readonly address: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  /** Numbers of a row: a multiple of sixteen, the last of them perhaps zeros. */
  readonly nColumns: number;
}

/** `data` as padded f32 rows. Rows of a fitting width stay where they are. */
export function paddedRows(machine: Machine, data: Floats, nRows: number, nColumns: number): Rows {
  return paddedAt(machine, machine.arena.addressOf(data), nRows, nColumns);
}

/** The same for numbers at an address. */
export function paddedAt(machine: Machine, from: number, nRows: number, nColumns: number): Rows {
  const { arena, kernels } = machine;
  const wide = padded(machine, nColumns);
  if (wide === nColumns) return { address: from, stride: 4 * wide, nColumns: wide };
  const address = arena.scratch(4 * nRows * wide);
  kernels.padRows(address, 4 * wide, from, 4 * nColumns, nRows);
  return { address, stride: 4 * wide, nColumns: wide };
}

/** Whether products with this format see their rows in int8. */
export function takesInt8({ activations }: Machine, format: Format): format is "Q8" | "Q4" {
  return activations === "int8" && (format === "Q8" || format === "Q4");
}

/** Bytes of one row for products with this format. */
export function rowBytesFor(machine: Machine, nColumns: number, format: Format): number {
  if (!takesInt8(machine, format)) return 4 * nColumns;
  return (nColumns / GROUP) * machine.layout.int8GroupBytes;
}

/** Rows as products with a matrix of this format want them. */
export function rowsFor(machine: Machine, rows: Rows, nRows: number, format: Format): Rows {
  if (!takesInt8(machine, format)) return rows;
  const { arena, kernels } = machine;
  const { nColumns } = rows;
  const nGroups = nColumns / GROUP;
  const stride = rowBytesFor(machine, nColumns, format);
  const address = arena.scratch(nRows * stride);
  const quantize = format === "Q8" ? kernels.quantizeRowsQ8 : kernels.quantizeRowsQ4;
  quantize(address, stride, rows.address, rows.stride, nRows, nGroups);
  return { address, stride, nColumns };
}
