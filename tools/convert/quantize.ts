/**
 * Converts the tensors of a checkpoint into another number format, one after another.
 *
 * Next: divergence.ts
 * @module
 */

import type { Checkpoint } from "../../engine/index.ts";
import { decode, fromBf16, toBf16 } from "../../engine/numbers/formats.ts";
import { fromGroups, GROUP_FORMATS, type Groups, toGroups } from "../../engine/numbers/groups.ts";
import { GROUP } from "../../engine/numbers/raw-tensor.ts";
import type { StoredTensor } from "../../engine/weights/checkpoint.ts";
import { tensorReader } from "../../engine/weights/load.ts";
import type { MatchedTensors } from "../../engine/weights/match-tensors.ts";
import {
  GROUP_SCALE_SUFFIX,
  mayBeQuantized,
  mayHaveGroups,
  SCALE_SUFFIX,
  type TensorSpec,
} from "../../engine/weights/names.ts";
import { everySpec } from "../../engine/weights/table.ts";
import { UserError } from "../node/user-error.ts";
import { checkFits, LIMITS } from "./largest.ts";

/** The number formats that matrices can be converted to. */
export const WEIGHT_FORMATS = ["bf16", "q8", "q4"] as const;

/** The name of such a number format. */
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** The error of a tensor: how far its new numbers `y` are from the old ones `x`. */
export interface TensorError {
  /** Name of the tensor. */
  readonly name: string;
  /** `max |y − x|` */
  readonly maxAbs: number;
  /** `Σ (y − x)² / Σ x²`, or 0 when all `x` are 0. */
  readonly nmse: number;
}

/** A tensor of the new file. Its bytes are computed whenever they are asked for, to save memory. */
export interface Part extends Omit<StoredTensor, "bytes"> {
  bytes(): Promise<Uint8Array>;
}

/**
 * The tensors of the new file by name. In formats with groups, the numbers and their scales are two
 * tensors, which can stand far apart in the file. They are therefore computed one by one, from the
 * same old tensor, so that no more than one tensor is in memory.
 *
 * @param keep a tensor whose name contains one of these words is not changed
 * @param onError is called once for each tensor that is written in the new format
 * @throws {UserError} when a word of `keep` is in no name
 */
export function quantizedParts(
  checkpoint: Checkpoint,
  matched: MatchedTensors,
  to: WeightFormat,
  keep: readonly string[],
  onError: (error: TensorError) => void,
): Map<string, Part> {
  const specs = [...everySpec(matched.specs)];
  const lost = keep.find((word) => !specs.some(({ name }) => name.includes(word)));
  if (lost !== undefined) {
    throw new UserError(`keep ${lost}`, "expected a part of a tensor's name, no name holds it");
  }
  const read = tensorReader(checkpoint, matched.bytes, () => {});
  const numbers = async (name: string) => decode(await read(name));
  const parts = new Map<string, Part>();
  for (const spec of specs) {
    const isKept = keep.some((word) => spec.name.includes(word));
    const changes = to === "bf16" ? mayBeQuantized(spec) : mayHaveGroups(spec);
    const made =
      isKept || !changes
        ? storedParts(checkpoint, spec.name)
        : to === "bf16"
          ? [bf16Part(spec, numbers, onError)]
          : groupParts(spec, to, numbers, onError);
    for (const [name, part] of made) parts.set(name, part);
  }
  return parts;
}

type NamedPart = readonly [name: string, part: Part];
type ReadNumbers = (name: string) => Promise<ArrayLike<number>>;

/** What each format holds, by the option that asks for it. */
const TO_LIMITS: Readonly<Record<`--to ${WeightFormat}`, number>> = {
  "--to bf16": LIMITS.bf16,
  "--to q8": LIMITS.q8,
  "--to q4": LIMITS.q4,
};

/** A tensor that is not changed, and its scales if it has any. */
function storedParts(checkpoint: Checkpoint, tensor: string): NamedPart[] {
  return [tensor, tensor + SCALE_SUFFIX, tensor + GROUP_SCALE_SUFFIX].flatMap((name) => {
    const entry = checkpoint.tensors.get(name);
    if (entry === undefined) return [];
    const { dtype, shape } = entry;
    return [[name, { dtype, shape, bytes: async () => (await checkpoint.read(name)).bytes }]];
  });
}

function bf16Part(
  { name, shape }: TensorSpec,
  read: ReadNumbers,
  onError: (error: TensorError) => void,
): NamedPart {
  const bytes = async (): Promise<Uint8Array> => {
    const x = await read(name);
    checkFits(name, shape, x, "--to bf16", TO_LIMITS);
    const bits = Uint16Array.from(x, toBf16);
    onError({ name, ...errorOf(x, (i) => fromBf16(bits[i])) });
    return littleEndian(bits);
  };
  return [name, { dtype: "BF16", shape, bytes }];
}

function groupParts(
  { name, shape }: TensorSpec,
  to: "q8" | "q4",
  read: ReadNumbers,
  onError: (error: TensorError) => void,
): NamedPart[] {
  const { dtype, bytes: width } = GROUP_FORMATS[to];
  const outer = shape.slice(0, -1);
  const nGroups = shape[shape.length - 1] / GROUP;
  const round = (x: ArrayLike<number>): Groups => {
    checkFits(name, shape, x, `--to ${to}`, TO_LIMITS);
    return toGroups(to, x);
  };
  const quants = async (): Promise<Uint8Array> => {
    const x = await read(name);
    const groups = round(x);
    const y = fromGroups(to, groups);
    onError({ name, ...errorOf(x, (i) => y[i]) });
    return groups.quants;
  };
  const scales = async (): Promise<Uint8Array> => littleEndian(round(await read(name)).scales);
  return [
    [name, { dtype, shape: [...outer, nGroups * width], bytes: quants }],
    [name + GROUP_SCALE_SUFFIX, { dtype: "F16", shape: [...outer, nGroups], bytes: scales }],
  ];
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

function littleEndian(values: Uint16Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * values.length));
  values.forEach((value, i) => {
    view.setUint16(2 * i, value, true);
  });
  return new Uint8Array(view.buffer);
}
