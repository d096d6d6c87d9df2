/**
 * Rounds one tensor to another number format. All that it needs comes with the call, so that any thread
 * can do it.
 *
 * Next: round-threads.ts
 * @module
 */
import { decode, fromBf16, toBf16 } from "../../engine/numbers/formats.ts";
import { fromGroups, toGroups } from "../../engine/numbers/groups.ts";
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
  if (to === "bf16") {
    const bits = new Uint16Array(x.length);
    for (let i = 0; i < x.length; i++) bits[i] = toBf16(x[i]);
    return {
      bytes: [littleEndian(bits)],
      error: { name, ...errorOf(x, (i) => fromBf16(bits[i])) },
    };
  }
  const groups = toGroups(to, x);
  const y = fromGroups(to, groups);
  const quants = new Uint8Array(groups.quants);
  return {
    bytes: [quants, littleEndian(groups.scales)],
    error: { name, ...errorOf(x, (i) => y[i]) },
  };
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

function errorOf(x: ArrayLike<number>, y: (i: number) => number): Omit<TensorError, "name"> {
  let [maxAbs, squares, errors] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const error = y(i) - x[i];
    maxAbs = Math.max(maxAbs, Math.abs(error));
    errors += error * error;
    squares += x[i] * x[i];
  }
  return { maxAbs, nmse: squares === 0 ? 0 : errors / squares };
}

function littleEndian(values: Uint16Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(2 * values.length));
  values.forEach((value, i) => {
    view.setUint16(2 * i, value, true);
  });
  return new Uint8Array(view.buffer);
}
