/**
 * What a model becomes in another number format: which tensors are rounded, and which are copied.
 *
 * Next: cut-rows.ts
 * @module
 */

import type { Checkpoint } from "../../engine/index.ts";
import { GROUP_FORMATS, type GroupFormat } from "../../engine/numbers/groups.ts";
import { PANEL_ROWS, panelShape } from "../../engine/numbers/panels.ts";
import { GROUP } from "../../engine/numbers/raw-tensor.ts";
import {
  GROUP_SCALE_SUFFIX,
  mayBeQuantized,
  mayHaveGroups,
  type TensorSpec,
} from "../../engine/weights/names.ts";
import { scaleName } from "../../engine/weights/scales.ts";
import type { NamedForm } from "../../engine/weights/write-safetensors.ts";
import { UserError } from "../node/user-error.ts";

/** The number formats that matrices can be converted to. */
export const WEIGHT_FORMATS = ["bf16", "q8", "q4"] as const;

/** The name of such a number format. */
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

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
  readonly parts: readonly NamedForm[];
}

/** What tensors become. */
export interface ConversionRules {
  readonly to: WeightFormat;
  /** A tensor whose name contains one of these words is not changed. */
  readonly keep: readonly string[];
  /** Whether matrices of layers become panels, in which kernels take them. */
  readonly inPanels: boolean;
}

/**
 * What becomes of each tensor. No number is read for it.
 *
 * @throws {UserError} when a word of `keep` is in no name
 */
export function conversions(
  checkpoint: Checkpoint,
  specs: Iterable<TensorSpec>,
  { to, keep, inPanels }: ConversionRules,
): Conversion[] {
  const all = [...specs];
  const lost = keep.find((word) => !all.some(({ name }) => name.includes(word)));
  if (lost !== undefined) {
    throw new UserError(`keep ${lost}`, "expected a part of a tensor's name, no name holds it");
  }
  return all.map((spec) => {
    const { name, shape } = spec;
    const isKept = keep.some((word) => name.includes(word));
    const changes = to === "bf16" ? mayBeQuantized(spec) : mayHaveGroups(spec);
    const from = storedNames(checkpoint, name);
    if (isKept || !changes) {
      const parts = from.map((each) => entry(checkpoint, each));
      return { name, shape, to: undefined, from, parts };
    }
    if (to === "bf16") return { name, shape, to, from, parts: bf16Part(spec) };
    const parts = inPanels && mayHavePanels(spec) ? panelPart(spec, to) : groupParts(spec, to);
    return { name, shape, to, from, parts };
  });
}

/**
 * Whether a matrix is better stored in panels for streaming. Loading cuts `kv_b_proj` by rows, and rows of the
 * embedding and the head may be read alone.
 */
function mayHavePanels({ axes, shape }: TensorSpec): boolean {
  const isByRows = axes[0] === "vocab" || axes[0] === "H*nope+v";
  return shape.length === 2 && shape[0] % PANEL_ROWS === 0 && !isByRows;
}

/** The name of a tensor, and those of its scales if it has any. */
function storedNames({ tensors }: Checkpoint, name: string): string[] {
  const scales = scaleName(name, (other) => tensors.has(other));
  return [...new Set([name, scales, name + GROUP_SCALE_SUFFIX])].filter((each) =>
    tensors.has(each),
  );
}

function entry({ tensors }: Checkpoint, name: string): NamedForm {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`${name} was there a moment ago`);
  return [name, { dtype: found.dtype, shape: found.shape }];
}

function bf16Part({ name, shape }: TensorSpec): NamedForm[] {
  return [[name, { dtype: "BF16", shape }]];
}

/** The numbers and scales together. */
function panelPart({ name, shape }: TensorSpec, to: GroupFormat): NamedForm[] {
  return [[name, { dtype: GROUP_FORMATS[to].dtype, shape: panelShape(to, shape) }]];
}

/** The numbers, then their scales. */
function groupParts({ name, shape }: TensorSpec, to: GroupFormat): NamedForm[] {
  const { dtype, bytes: width } = GROUP_FORMATS[to];
  const outer = shape.slice(0, -1);
  const nGroups = shape[shape.length - 1] / GROUP;
  return [
    [name, { dtype, shape: [...outer, nGroups * width] }],
    [name + GROUP_SCALE_SUFFIX, { dtype: "F16", shape: [...outer, nGroups] }],
  ];
}
