/**
 * What a model becomes in another number format: which tensors are rounded, and which are copied.
 *
 * Next: round-tensor.ts
 * @module
 */

import type { Checkpoint } from "../../engine/index.ts";
import { GROUP_FORMATS } from "../../engine/numbers/groups.ts";
import { GROUP } from "../../engine/numbers/raw-tensor.ts";
import type { StoredTensor } from "../../engine/weights/checkpoint.ts";
import type { MatchedTensors } from "../../engine/weights/match-tensors.ts";
import {
  GROUP_SCALE_SUFFIX,
  mayBeQuantized,
  mayHaveGroups,
  type TensorSpec,
} from "../../engine/weights/names.ts";
import { scaleName } from "../../engine/weights/scales.ts";
import { everySpec } from "../../engine/weights/table.ts";
import { UserError } from "../node/user-error.ts";

/** The number formats that matrices can be converted to. */
export const WEIGHT_FORMATS = ["bf16", "q8", "q4"] as const;

/** The name of such a number format. */
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** A tensor of the new file, without its numbers. */
export type Part = Omit<StoredTensor, "bytes">;

/** A tensor of the old file, with its scales, and the tensors of the new file that it becomes. */
export interface Conversion {
  readonly name: string;
  /** The shape of its numbers. In a format with groups it is not that of the bytes. */
  readonly shape: readonly number[];
  /** The new format; undefined for a tensor that is copied as it is. */
  readonly to: WeightFormat | undefined;
  /** The names that are read, of the old file. */
  readonly from: readonly string[];
  /** The tensors of the new file. */
  readonly parts: readonly NamedPart[];
}

/**
 * What becomes of each tensor. No number is read for it.
 *
 * @param keep a tensor whose name contains one of these words is not changed
 * @throws {UserError} when a word of `keep` is in no name
 */
export function conversions(
  checkpoint: Checkpoint,
  matched: MatchedTensors,
  to: WeightFormat,
  keep: readonly string[],
): Conversion[] {
  const specs = [...everySpec(matched.specs)];
  const lost = keep.find((word) => !specs.some(({ name }) => name.includes(word)));
  if (lost !== undefined) {
    throw new UserError(`keep ${lost}`, "expected a part of a tensor's name, no name holds it");
  }
  return specs.map((spec) => {
    const { name, shape } = spec;
    const isKept = keep.some((word) => name.includes(word));
    const changes = to === "bf16" ? mayBeQuantized(spec) : mayHaveGroups(spec);
    const from = storedNames(checkpoint, name);
    if (isKept || !changes) {
      return {
        name,
        shape,
        to: undefined,
        from,
        parts: from.map((each) => entry(checkpoint, each)),
      };
    }
    return { name, shape, to, from, parts: to === "bf16" ? bf16Part(spec) : groupParts(spec, to) };
  });
}

/** The name of a tensor, and those of its scales if it has any. */
function storedNames({ tensors }: Checkpoint, name: string): string[] {
  const scales = scaleName(name, (other) => tensors.has(other));
  return [...new Set([name, scales, name + GROUP_SCALE_SUFFIX])].filter((each) =>
    tensors.has(each),
  );
}

function entry({ tensors }: Checkpoint, name: string): NamedPart {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`${name} was there a moment ago`);
  return [name, { dtype: found.dtype, shape: found.shape }];
}

/** A tensor of the new file, by its name. */
export type NamedPart = readonly [name: string, part: Part];

function bf16Part({ name, shape }: TensorSpec): NamedPart[] {
  return [[name, { dtype: "BF16", shape }]];
}

/** The numbers, then their scales. */
function groupParts({ name, shape }: TensorSpec, to: "q8" | "q4"): NamedPart[] {
  const { dtype, bytes: width } = GROUP_FORMATS[to];
  const outer = shape.slice(0, -1);
  const nGroups = shape[shape.length - 1] / GROUP;
  return [
    [name, { dtype, shape: [...outer, nGroups * width] }],
    [name + GROUP_SCALE_SUFFIX, { dtype: "F16", shape: [...outer, nGroups] }],
  ];
}
