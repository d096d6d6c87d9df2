/**
 * Compares the tensors that a checkpoint holds with those that the config implies, before any
 * number is read.
 *
 * Next: load.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import { GROUP_FORMATS, type GroupFormat } from "../numbers/groups.ts";
import { BYTES_PER_ELEMENT, FP8_BLOCK, GROUP } from "../numbers/raw-tensor.ts";
import type { Checkpoint } from "./checkpoint.ts";
import {
  type ExpertLayout,
  fusedExpertSpecs,
  GROUP_SCALE_SUFFIX,
  mayHaveGroups,
  SCALE_SUFFIX,
  type TensorSpec,
} from "./names.ts";
import { showShape, type TensorEntry } from "./safetensors.ts";
import { everySpec, layerPrefix, type ModelSpecs, modelSpecs } from "./table.ts";
import { WeightsError } from "./weights-error.ts";

/** The group format that a stored dtype stands for, if it stands for one. */
export function groupFormat(dtype: string): GroupFormat | undefined {
  return dtype === GROUP_FORMATS.q8.dtype
    ? "q8"
    : dtype === GROUP_FORMATS.q4.dtype
      ? "q4"
      : undefined;
}

/** The tensors of a checkpoint that matches its config. */
export interface MatchedTensors {
  /** All of them, by their place in the model. */
  readonly specs: ModelSpecs;
  /** Bytes of all tensors together, scales included. */
  readonly bytes: number;
}

/**
 * Checks that every tensor that the config implies is there, with its shape and in a format that
 * the engine reads, and that nothing else is there.
 *
 * - A weight is fp8 iff a `_scale_inv` tensor stands beside it; the lists in the config are not
 *   read.
 * - Files that HF transformers saved keep `num_nextn_predict_layers: 1` but hold no MTP layer. So
 *   the config alone does not decide: if the files hold no tensor of that layer, the model has
 *   none. If they hold some, they must hold all.
 *
 * @throws {WeightsError} that names the first tensor that is missing, wrong or unknown
 */
export function matchTensors(config: ModelConfig, checkpoint: Checkpoint): MatchedTensors {
  const { tensors } = checkpoint;
  const layoutOf = (layer: number): ExpertLayout =>
    tensors.has(fusedExpertSpecs(config, layerPrefix(layer)).gateUp.name) ? "fused" : "per-expert";
  const specs = modelSpecs(config, { hasMtp: hasMtpLayer(config, tensors), layoutOf });

  const known = new Set<string>();
  for (const spec of everySpec(specs)) {
    known.add(spec.name);
    const scales = checkEntry(spec, tensors);
    if (scales !== undefined) known.add(scales);
  }
  let bytes = 0;
  for (const [name, entry] of tensors) {
    if (!known.has(name)) throw new WeightsError(name, unexpected(config, name, entry));
    bytes += entry.length;
  }
  return { specs, bytes };
}

/** Whether the config implies an MTP layer and the files hold any tensor of it. */
function hasMtpLayer(c: ModelConfig, tensors: Checkpoint["tensors"]): boolean {
  const prefix = layerPrefix(c.numHiddenLayers);
  return (
    c.numNextnPredictLayers === 1 && [...tensors.keys()].some((name) => name.startsWith(prefix))
  );
}

/**
 * Compares a tensor, and its scales if it has any, with its line of the table.
 *
 * @returns the name of the scales
 */
function checkEntry(spec: TensorSpec, tensors: Checkpoint["tensors"]): string | undefined {
  const { name, shape } = spec;
  const entry = tensors.get(name);
  if (entry === undefined) {
    throw new WeightsError(name, `expected ${showShape(shape)}, got nothing`);
  }
  const format = mayHaveGroups(spec) ? groupFormat(entry.dtype) : undefined;
  if (format !== undefined) return checkGroups(spec, format, entry, tensors);
  if (!sameShape(entry.shape, shape)) {
    throw new WeightsError(name, `expected ${showShape(shape)}, got ${showShape(entry.shape)}`);
  }
  const mayBeFp8 = shape.length >= 2;
  if (!Object.hasOwn(BYTES_PER_ELEMENT, entry.dtype) || (entry.dtype === "F8_E4M3" && !mayBeFp8)) {
    const formats = `F32, F64, BF16${mayBeFp8 ? ", F16 or F8_E4M3" : " or F16"}`;
    throw new WeightsError(name, `expected ${formats}, got ${entry.dtype}`);
  }
  if (entry.dtype !== "F8_E4M3") return undefined;
  const blocks = shape.slice(-2).map((n) => Math.ceil(n / FP8_BLOCK));
  const scales = name + SCALE_SUFFIX;
  checkExactly(scales, "F32", [...shape.slice(0, -2), ...blocks], tensors.get(scales));
  return scales;
}

/**
 * Compares a tensor in groups: rows of `cols` numbers are whole groups of int8, or of int4 with two
 * numbers in a byte, and every group has one scale.
 *
 * @returns the name of the scales
 */
function checkGroups(
  { name, shape }: TensorSpec,
  format: GroupFormat,
  entry: TensorEntry,
  tensors: Checkpoint["tensors"],
): string {
  const { dtype, bytes } = GROUP_FORMATS[format];
  const nGroups = shape[shape.length - 1] / GROUP;
  const outer = shape.slice(0, -1);
  const scales = name + GROUP_SCALE_SUFFIX;
  checkExactly(name, dtype, [...outer, nGroups * bytes], entry);
  checkExactly(scales, "F16", [...outer, nGroups], tensors.get(scales));
  return scales;
}

function checkExactly(
  name: string,
  dtype: string,
  shape: readonly number[],
  entry: TensorEntry | undefined,
): void {
  if (entry?.dtype !== dtype || !sameShape(entry.shape, shape)) {
    const got = entry === undefined ? "nothing" : `${entry.dtype} ${showShape(entry.shape)}`;
    throw new WeightsError(name, `expected ${dtype} ${showShape(shape)}, got ${got}`);
  }
}

/** The message about a tensor that the config does not imply. */
function unexpected(c: ModelConfig, name: string, entry: TensorEntry): string {
  const layer = Number(/^model\.layers\.(\d+)\./.exec(name)?.[1]);
  const why = name.endsWith(SCALE_SUFFIX)
    ? "no fp8 weight beside it"
    : c.indexerTypes[layer] === "shared" && name.includes(".indexer.")
      ? `layer ${layer} is shared: it borrows its top-k`
      : "the config implies no such tensor";
  return `expected nothing (${why}), got ${entry.dtype} ${showShape(entry.shape)}`;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
