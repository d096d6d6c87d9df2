/**
 * Blocks of rows: large tensors are converted piece by piece, so that memory does not grow with them.
 *
 * Next: round-tensor.ts
 * @module
 */
import { sizeOf } from "../../engine/base/tensor.ts";
import { PANEL_ROWS } from "../../engine/numbers/panels.ts";
import { FP8_BLOCK } from "../../engine/numbers/raw-tensor.ts";
import { formBytes, type TensorForm } from "../../engine/weights/safetensors.ts";

/** Numbers of a block, unless 128 rows have more. An expert of GLM-5.2 has nine such blocks. */
export const BLOCK_NUMBERS: number = 2 ** 22;

/** Rows `from … to − 1` of a tensor. The rows of a stack of matrices are counted through. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** Where the rows of a block stand in something that is stored of the tensor. */
export interface Piece {
  /** The first byte, from the beginning of what is stored. */
  readonly offset: number;
  readonly length: number;
  /** The shape of what is there. */
  readonly shape: readonly number[];
}

/** A stack of matrices of these lengths; a vector is one row. */
interface Stack {
  readonly nMatrices: number;
  readonly nRows: number;
  readonly nColumns: number;
}

function stackOf(shape: readonly number[]): Stack {
  const [nRows, nColumns] = shape.length > 1 ? shape.slice(-2) : [1, shape[0]];
  return { nMatrices: sizeOf(shape.slice(0, -2)), nRows, nColumns };
}

/**
 * Cuts a tensor of this shape. A block is all of it, some whole matrices, or rows of one matrix, from a multiple of
 * 128 on: so no block of fp8 scales and no panel is cut.
 */
export function* cutRows(shape: readonly number[], most: number = BLOCK_NUMBERS): Generator<Rows> {
  const { nMatrices, nRows, nColumns } = stackOf(shape);
  const matrix = nRows * nColumns;
  const each = Math.max(1, Math.floor(most / matrix));
  const rows = FP8_BLOCK * Math.max(1, Math.floor(most / nColumns / FP8_BLOCK));
  for (let m = 0; m < nMatrices; m += each) {
    const [first, end] = [m * nRows, Math.min(nMatrices, m + each) * nRows];
    const step = matrix > most ? rows : end - first;
    for (let from = first; from < end; from += step) yield { from, to: Math.min(end, from + step) };
  }
}

/** The shape of a block. */
export function blockShape(shape: readonly number[], { from, to }: Rows): readonly number[] {
  const { nMatrices, nRows, nColumns } = stackOf(shape);
  if (to - from === nMatrices * nRows) return shape;
  return to - from > nRows ? [(to - from) / nRows, nRows, nColumns] : [to - from, nColumns];
}

/**
 * Where the rows of a block stand in one of the tensors that are stored of a tensor: in its numbers, which may be
 * in panels, or in its scales.
 *
 * @param shape the shape of the tensor
 * @param form what is stored
 */
export function pieceOf(shape: readonly number[], { from, to }: Rows, form: TensorForm): Piece {
  const { nMatrices, nRows } = stackOf(shape);
  const length = formBytes(form);
  if (to - from === nMatrices * nRows) return { offset: 0, length, shape: form.shape };
  const [held, ...inner] = form.shape.slice(shape.length - 2);
  const isInPanels = form.shape.length > shape.length;
  const unit = held === nRows ? 1 : isInPanels ? PANEL_ROWS : FP8_BLOCK;
  const perMatrix = length / nMatrices;
  const m = Math.floor(from / nRows);
  if (to - from > nRows) {
    const count = (to - from) / nRows;
    return { offset: m * perMatrix, length: count * perMatrix, shape: [count, held, ...inner] };
  }
  const [first, end] = [(from - m * nRows) / unit, Math.ceil((to - m * nRows) / unit)];
  const perUnit = perMatrix / held;
  return {
    offset: m * perMatrix + first * perUnit,
    length: (end - first) * perUnit,
    shape: [end - first, ...inner],
  };
}
