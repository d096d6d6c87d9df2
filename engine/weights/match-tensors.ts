/**
 * Compares the tensors that a checkpoint holds with those that the config implies, before any
 * number is read.
 *
 * Next: load.ts
 * @module
 */
import type { Aside } from "../base/aside.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { GROUP_FORMATS, type GroupFormat } from "../numbers/groups.ts";
import { panelShape } from "../numbers/panels.ts";
import { BYTES_PER_ELEMENT, FP8_BLOCK, GROUP } from "../numbers/raw-tensor.ts";
import { type Checkpoint, MTP_FILE } from "./checkpoint.ts";
import {
  type ExpertLayout,
  fusedExpertSpecs,
  GROUP_SCALE_SUFFIX,
  mayHaveGroups,
  routerSpecs,
  type TensorSpec,
} from "./names.ts";
import { isCut, type ModelPart } from "./part.ts";
import { showShape, type TensorEntry } from "./safetensors.ts";
import { mayBeScale, SCALE_FORMATS, scaleName } from "./scales.ts";
import { isPadding, originalOf, Surplus, unexpected } from "./surplus.ts";
import {
  everyMtpSpec,
  everySpec,
  layerPrefix,
  type ModelSpecs,
  type MtpSpecs,
  modelSpecs,
  mtpLayerSpecs,
} from "./table.ts";
import { WeightsError } from "./weights-error.ts";

/** The group format that a stored dtype stands for, if it stands for one. */
export function groupFormat(dtype: string): GroupFormat | undefined {
  return dtype === GROUP_FORMATS.q8.dtype
    ? "q8"
    : dtype === GROUP_FORMATS.q4.dtype
      ? "q4"
      : undefined;
}

/**
 * What to do with the MTP layer: `load` it, where a fault in it is an error; load it `ifUsable`; or
 * `skip` it. Only guessing ahead needs it.
 */
export type MtpWish = "load" | "ifUsable" | "skip";

/** The tensors of a checkpoint that matches its config. */
export interface MatchedTensors {
  /** All of them, by their place in the model. */
  readonly specs: ModelSpecs;
  /** Bytes of all these tensors together, scales included. */
  readonly bytes: number;
  /** What else the files hold. */
  readonly asides: readonly Aside[];
  /** Why `specs` has no MTP layer, if it has none. */
  readonly noMtp: string | undefined;
  /** Why the last norm and the head cannot be read, if they cannot and no logits are wanted. */
  readonly noLogits: string | undefined;
}

/**
 * Checks that every tensor that the config implies is there, with its shape and in a format that
 * the engine reads, and that nothing else is there that could matter.
 *
 * - A weight is fp8 iff scales stand beside it; the lists in the config are not read.
 * - Files that HF transformers saved keep `num_nextn_predict_layers: 1` but hold no MTP layer. So
 *   the config alone does not decide: if the files hold no tensor of that layer, the model has
 *   none. If they hold some, they must hold all.
 * - The MTP layer has as many experts as its own router: the others may have been pruned.
 * - Of a part of the model, `specs.layers` has only its layers, and what is stored of later ones is
 *   left aside. Without logits, the last norm and the head may be missing.
 *
 * @throws {WeightsError} that names the first tensor that is missing, wrong or unknown
 */
export function matchTensors(
  config: ModelConfig,
  checkpoint: Checkpoint,
  mtp: MtpWish = "load",
  part: ModelPart = {},
): MatchedTensors {
  const { tensors } = checkpoint;
  const layoutOf = (layer: number): ExpertLayout =>
    tensors.has(fusedExpertSpecs(config, layerPrefix(layer)).gateUp.name) ? "fused" : "per-expert";
  const whole = modelSpecs(config, { hasMtp: false, layoutOf });
  const trunk = { ...whole, layers: whole.layers.slice(0, part.layers) };
  const noLogits = part.logits === false ? whyNoLogits(trunk, checkpoint) : undefined;
  const { norm, lmHead, ...entrance } = trunk.globals;
  const globals = noLogits === undefined ? trunk.globals : entrance;
  const known = checkAll(everySpec({ ...trunk, globals }), checkpoint);
  const surplus = new Surplus(config, part.layers);
  const found = isCut(config, part)
    ? `only the first ${part.layers} layers are wanted`
    : matchMtp(config, checkpoint, layoutOf, mtp);
  const draftTensors = typeof found === "string" ? undefined : found;

  let bytes = 0;
  for (const [name, entry] of tensors) {
    if (known.has(name) || draftTensors?.known.has(name)) bytes += entry.length;
    else if (name === norm.name || name === lmHead.name) surplus.add(name, "no logits are wanted");
    else if (originalOf(config, name) && draftTensors) {
      surplus.add(name, "a copy, which loading compares");
    } else surplus.judge(name, entry);
  }
  return {
    specs: { ...trunk, mtp: draftTensors?.specs },
    bytes,
    asides: [...(checkpoint.asides ?? []), ...surplus.asides()],
    noMtp: typeof found === "string" ? found : undefined,
    noLogits,
  };
}

/** Why there can be no logits, if there can be none. */
function whyNoLogits({ globals }: ModelSpecs, checkpoint: Checkpoint): string | undefined {
  try {
    checkAll([globals.norm, globals.lmHead], checkpoint);
    return undefined;
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    return error.message;
  }
}

/** The MTP layer and the names of its tensors, or why there is none. */
function matchMtp(
  c: ModelConfig,
  checkpoint: Checkpoint,
  layoutOf: (layer: number) => ExpertLayout,
  wish: MtpWish,
): { readonly specs: MtpSpecs; readonly known: ReadonlySet<string> } | string {
  const { tensors, lost = new Map<string, WeightsError>() } = checkpoint;
  const layer = c.numHiddenLayers;
  const prefix = layerPrefix(layer);
  const names = [...tensors.keys(), ...lost.keys()];
  const isStored = names.some((name) => name.startsWith(prefix) || name === MTP_FILE);
  if (c.numNextnPredictLayers === 0) {
    const there = isStored ? `, although the files hold layer ${layer}: 1 would use it` : "";
    return `num_nextn_predict_layers in config.json is 0${there}`;
  }
  if (!isStored) return `the files hold no tensor of layer ${layer}`;
  if (wish === "skip") return "the model was opened without it";
  try {
    const whole = lost.get(MTP_FILE);
    if (whole) throw whole;
    const nExperts = tensors.get(routerSpecs(c, prefix).router.name)?.shape[0];
    const own = checkGroupsOf({ ...c, nRoutedExperts: nExperts ?? c.nRoutedExperts });
    const specs = mtpLayerSpecs(own, layoutOf(layer));
    const known = checkAll(everyMtpSpec(specs), checkpoint);
    for (const [name, entry] of tensors) {
      const isKnown = known.has(name) || originalOf(c, name) !== undefined || isPadding(name);
      if (name.startsWith(prefix) && !isKnown && !name.endsWith("rotary_emb.inv_freq")) {
        throw unexpected(name, entry);
      }
    }
    return { specs, known };
  } catch (error) {
    if (wish === "load" || !(error instanceof WeightsError)) throw error;
    return error.message;
  }
}

/** @throws {WeightsError} when the router's groups cannot hold the experts of the MTP layer */
function checkGroupsOf(c: ModelConfig): ModelConfig {
  const { nRoutedExperts: nE, nGroup, topkGroup, numExpertsPerTok: nActive } = c;
  if (nE % nGroup !== 0 || nActive > (nE / nGroup) * topkGroup) {
    const { router } = routerSpecs(c, layerPrefix(c.numHiddenLayers));
    throw new WeightsError(
      router.name,
      `expected more experts to choose ${nActive} from, got ${nE}`,
    );
  }
  return c;
}

/** Compares tensors with their lines of the table, and returns their names and those of scales. */
function checkAll(specs: Iterable<TensorSpec>, checkpoint: Checkpoint): Set<string> {
  const known = new Set<string>();
  for (const spec of specs) {
    known.add(spec.name);
    const scales = checkEntry(spec, checkpoint);
    if (scales !== undefined) known.add(scales);
  }
  return known;
}

/**
 * Compares a tensor, and its scales if it has any, with its line of the table.
 *
 * @returns the name of the scales
 */
function checkEntry(spec: TensorSpec, { tensors, lost }: Checkpoint): string | undefined {
  const { name, shape } = spec;
  const entry = tensors.get(name);
  if (entry === undefined) {
    const reason = lost?.get(name);
    if (reason) throw reason;
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
  const scales = scaleName(name, (other) => tensors.has(other));
  checkScales(scales, [...shape.slice(0, -2), ...blocks], tensors.get(scales));
  return scales;
}

/**
 * Compares a tensor in groups: rows of `cols` numbers are whole groups of int8, or of int4 with two
 * numbers in a byte, and every group has one scale. A matrix of files for streaming is in panels instead,
 * which hold the scales.
 *
 * @returns the name of the scales, if they are a tensor of their own
 */
function checkGroups(
  { name, shape }: TensorSpec,
  format: GroupFormat,
  entry: TensorEntry,
  tensors: Checkpoint["tensors"],
): string | undefined {
  const { dtype, bytes } = GROUP_FORMATS[format];
  if (shape.length === 2 && entry.shape.length === 3) {
    checkExactly(name, dtype, panelShape(format, shape), entry);
    return undefined;
  }
  const nGroups = shape[shape.length - 1] / GROUP;
  const outer = shape.slice(0, -1);
  const scales = name + GROUP_SCALE_SUFFIX;
  checkExactly(name, dtype, [...outer, nGroups * bytes], entry);
  checkExactly(scales, "F16", [...outer, nGroups], tensors.get(scales));
  return scales;
}

function checkScales(name: string, shape: readonly number[], entry: TensorEntry | undefined): void {
  if (entry && mayBeScale(entry.dtype) && sameShape(entry.shape, shape)) return;
  const got = entry === undefined ? "nothing" : `${entry.dtype} ${showShape(entry.shape)}`;
  throw new WeightsError(name, `expected ${SCALE_FORMATS} ${showShape(shape)}, got ${got}`);
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

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
