/**
 * Rounds a tensor, or a block of its rows, to another number format. All that it needs comes with the call, so that
 * any thread can do it.
 *
 * Next: round-threads.ts
 * @module
 */
import type { Floats } from "../../engine/base/tensor.ts";
import { areFinite } from "../../engine/numbers/all-finite.ts";
import { decode, toBf16 } from "../../engine/numbers/formats.ts";
import { fromGroups, type GroupFormat, toGroups } from "../../engine/numbers/groups.ts";
import { toPanels } from "../../engine/numbers/panels.ts";
import type { RawTensor } from "../../engine/numbers/raw-tensor.ts";
import { answeredNow } from "../../engine/weights/asking.ts";
import type { StoredTensor } from "../../engine/weights/checkpoint.ts";
import type { BlockPlace } from "../../engine/weights/finite.ts";
import { rawTensor } from "../../engine/weights/raw-tensor.ts";
import { checkFits, LIMITS } from "./largest.ts";
import type { Conversion, WeightFormat } from "./quantize.ts";

/** The error of a tensor: how far its new numbers `y` are from the old ones `x`. */
export interface TensorError {
  /** Name of the tensor. */
  readonly name: string;
  /** `max |y − x|` */
  readonly maxAbs: number;
  /** `Σ (y − x)² / Σ x²`, or 0 when all `x` are 0. */
  readonly nmse: number;
}

/** What the errors of blocks are added up in. */
export interface ErrorSums {
  readonly maxAbs: number;
  readonly squares: number;
  readonly errors: number;
}

/** A block of a tensor to round: what becomes of it, and the bytes that were read for it. */
export interface RoundTask extends Pick<Conversion, "name"> {
  /** The shape of the block. */
  readonly shape: readonly number[];
  readonly to: WeightFormat;
  /** Whether the groups are wanted in panels. */
  readonly inPanels: boolean;
  /** The rows of the tensor and of its scales, by their names. */
  readonly stored: ReadonlyMap<string, StoredTensor>;
  /** Where the block stands in the tensor. */
  readonly block: BlockPlace;
}

/** A rounded block. */
export interface Rounded {
  /** The bytes for each tensor of the new file, in the order of the conversion's parts. */
  readonly bytes: readonly Uint8Array<ArrayBuffer>[];
  readonly error: ErrorSums;
}

/** What each format holds, by the option that asks for it. */
const TO_LIMITS: Readonly<Record<`--to ${WeightFormat}`, number>> = {
  "--to bf16": LIMITS.bf16,
  "--to q8": LIMITS.q8,
  "--to q4": LIMITS.q4,
};

/**
 * Rounds a block.
 *
 * @throws {WeightsError} when a number is not finite, {UserError} when the new format cannot hold it
 */
export async function roundTensor(task: RoundTask): Promise<Rounded> {
  const { name, shape, to, block } = task;
  const x = decode(readStored(task));
  checkFits(name, block, x, `--to ${to}`, TO_LIMITS);
  const { bytes, y } =
    to === "bf16" ? roundToBf16(shape, x) : roundToGroups(to, x, task.inPanels && shape[0]);
  return { bytes, error: errorOf(x, y) };
}

/** The bytes of each tensor of the new file, and the numbers that are read from them. */
interface Encoded extends Pick<Rounded, "bytes"> {
  readonly y: Floats;
}

function roundToBf16(shape: readonly number[], x: Floats): Encoded {
  const bits = new Uint16Array(x.length);
  for (let i = 0; i < x.length; i++) bits[i] = toBf16(x[i]);
  const bytes = littleEndian(bits);
  return { bytes: [bytes], y: decode({ dtype: "BF16", shape, bytes }) };
}

/** @param panelRows the rows of the matrix, if it is wanted in panels */
function roundToGroups(to: GroupFormat, x: Floats, panelRows: number | false): Encoded {
  const groups = toGroups(to, x);
  const y = fromGroups(to, groups);
  if (panelRows !== false) return { bytes: [toPanels(to, groups, panelRows)], y };
  return { bytes: [new Uint8Array(groups.quants), littleEndian(groups.scales)], y };
}

/** The block with its scales, as the loader reads it and with the loader's checks. */
function readStored({ name, stored, block }: RoundTask): RawTensor {
  const tensors = new Map(
    [...stored].map(([each, { dtype, shape, bytes }]) => [
      each,
      { dtype, shape, file: "", offset: 0, length: bytes.length },
    ]),
  );
  const find = (each: string): StoredTensor => {
    const found = stored.get(each);
    if (found === undefined) throw new Error(`${each} was not read`);
    return found;
  };
  return answeredNow(find, rawTensor({ tensors }, name, areFinite, block));
}

function errorOf(x: Floats, y: Floats): ErrorSums {
  let [maxAbs, squares, errors] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const error = y[i] - x[i];
    if (Math.abs(error) > maxAbs) maxAbs = Math.abs(error);
    errors += error * error;
    squares += x[i] * x[i];
  }
  return { maxAbs, squares, errors };
}

function littleEndian(values: Uint16Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(2 * values.length));
  for (let i = 0; i < values.length; i++) view.setUint16(2 * i, values[i], true);
  return new Uint8Array(view.buffer);
}
