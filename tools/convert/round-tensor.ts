/**
 * Rounds one tensor to another number format. All that it needs comes with the call, so that any thread
 * can do it.
 *
 * Next: round-threads.ts
 * @module
 */
import type { Floats } from "../../engine/base/tensor.ts";
import { decode, toBf16 } from "../../engine/numbers/formats.ts";
import { fromGroups, type GroupFormat, toGroups } from "../../engine/numbers/groups.ts";
import type { StoredTensor } from "../../engine/weights/checkpoint.ts";
import { tensorReader } from "../../engine/weights/load.ts";
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

/** A tensor to round: what becomes of it, and the bytes that were read for it. */
export interface RoundTask extends Pick<Conversion, "name" | "shape"> {
  readonly to: WeightFormat;
  /** The tensor and its scales, by their names. */
  readonly stored: ReadonlyMap<string, StoredTensor>;
}

/** A rounded tensor. */
export interface Rounded {
  /** The bytes of each tensor of the new file, in the order of the conversion's parts. */
  readonly bytes: readonly Uint8Array<ArrayBuffer>[];
  readonly error: TensorError;
}

/** What each format holds, by the option that asks for it. */
const TO_LIMITS: Readonly<Record<`--to ${WeightFormat}`, number>> = {
  "--to bf16": LIMITS.bf16,
  "--to q8": LIMITS.q8,
  "--to q4": LIMITS.q4,
};

/**
 * Rounds a tensor.
 *
 * @throws {WeightsError} when a number is not finite, {UserError} when the new format cannot hold it
 */
export async function roundTensor({ name, shape, to, stored }: RoundTask): Promise<Rounded> {
  const x = decode(await readStored(name, stored));
  checkFits(name, shape, x, `--to ${to}`, TO_LIMITS);
  const { bytes, y } = to === "bf16" ? roundToBf16(shape, x) : roundToGroups(to, x);
  return { bytes, error: { name, ...errorOf(x, y) } };
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

function roundToGroups(to: GroupFormat, x: Floats): Encoded {
  const groups = toGroups(to, x);
  const quants = new Uint8Array(groups.quants);
  return { bytes: [quants, littleEndian(groups.scales)], y: fromGroups(to, groups) };
}

/** The tensor with its scales, as the loader reads it and with the loader's checks. */
function readStored(name: string, stored: RoundTask["stored"]): ReturnType<typeof read> {
  const tensors = new Map(
    [...stored].map(([each, { dtype, shape, bytes }]) => [
      each,
      { dtype, shape, file: "", offset: 0, length: bytes.length },
    ]),
  );
  const read = tensorReader(
    {
      tensors,
      read: async (each) => {
        const found = stored.get(each);
        if (found === undefined) throw new Error(`${each} was not read`);
        return found;
      },
    },
    0,
    () => {},
  );
  return read(name);
}

function errorOf(x: Floats, y: Floats): Omit<TensorError, "name"> {
  let [maxAbs, squares, errors] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const error = y[i] - x[i];
    if (Math.abs(error) > maxAbs) maxAbs = Math.abs(error);
    errors += error * error;
    squares += x[i] * x[i];
  }
  return { maxAbs, nmse: squares === 0 ? 0 : errors / squares };
}

function littleEndian(values: Uint16Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(2 * values.length));
  for (let i = 0; i < values.length; i++) view.setUint16(2 * i, values[i], true);
  return new Uint8Array(view.buffer);
}
