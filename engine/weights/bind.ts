/**
 * Compares a checkpoint's directory with what the config implies, before any number is read.
 *
 * Next: load.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import { GROUP_FORMATS, type GroupFormat } from "../numbers/groups.ts";
import { BYTES_PER_ELEMENT, FP8_BLOCK, GROUP } from "../numbers/raw-tensor.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type ExpertLayout, fusedExpertSpecs, mayHaveGroups, type TensorSpec } from "./names.ts";
import { showShape, type TensorEntry } from "./safetensors.ts";
import { checkpointSpecs, layerPrefix } from "./table.ts";
import { WeightsError } from "./weights-error.ts";

/** Ends the name of the block scales beside an fp8 weight. Not inverses: they multiply. */
export const SCALE_SUFFIX = "_scale_inv";

/** Ends the name of the group scales beside a q8 or q4 weight. */
export const GROUP_SCALE_SUFFIX = "_scale";

/** The group format that a stored dtype means, if it means one. */
export function groupFormat(dtype: string): GroupFormat | undefined {
  return dtype === GROUP_FORMATS.q8.dtype
    ? "q8"
    : dtype === GROUP_FORMATS.q4.dtype
      ? "q4"
      : undefined;
}

/** What a checkpoint was found to be. */
export interface Binding {
  /** Main layers, and the MTP layer if it is there. */
  readonly nLayers: number;
  /** How layer `i` stores its experts. */
  layoutOf(layer: number): ExpertLayout;
  /** Of all tensors together. */
  readonly bytes: number;
}

/**
 * Every tensor that the config implies is there with its shape and a format we read, and nothing
 * else is there.
 *
 * - A weight is fp8 iff a `_scale_inv` tensor stands beside it; the config's lists say nothing.
 * - Files that HF transformers saved keep `num_nextn_predict_layers: 1` but hold no MTP layer. So
 *   a config may imply that layer in vain: if NO tensor of it is there, the model has none. If
 *   some are there, all must be.
 *
 * @throws {WeightsError} that names the first tensor that is missing, wrong or unknown
 */
export function bind(config: ModelConfig, checkpoint: Checkpoint): Binding {
  const { tensors } = checkpoint;
  const layoutOf = (layer: number): ExpertLayout =>
    tensors.has(layerPrefix(layer) + fusedExpertSpecs(config).gateUp.name) ? "fused" : "per-expert";
  const nLayers = countLayers(config, tensors);

  const known = new Set<string>();
  for (const spec of checkpointSpecs(config, nLayers, layoutOf)) {
    known.add(spec.name);
    const scales = checkEntry(spec, tensors);
    if (scales !== undefined) known.add(scales);
  }
  let bytes = 0;
  for (const [name, entry] of tensors) {
    if (!known.has(name)) throw new WeightsError(name, `${unexpected(config, name, entry)}`);
    bytes += entry.length;
  }
  return { nLayers, layoutOf, bytes };
}

/** The main layers, and one more if the config implies an MTP layer and any tensor of it is there. */
function countLayers(c: ModelConfig, tensors: Checkpoint["tensors"]): number {
  const prefix = layerPrefix(c.numHiddenLayers);
  const hasMtp =
    c.numNextnPredictLayers === 1 && [...tensors.keys()].some((name) => name.startsWith(prefix));
  return c.numHiddenLayers + (hasMtp ? 1 : 0);
}

/** The name of the tensor's scales, if it has any, after comparing both with the table. */
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

/** `[…, cols]` as whole groups of int8, or of nibbles two to a byte, and one scale for each. */
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

/** The sentence about a tensor that nothing in the config asks for. */
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
