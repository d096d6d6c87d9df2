/**
 * A tensor of the model, of the one or two tensors that a file has for it: fp8 and groups have scales.
 *
 * Next: load-layer.ts
 * @module
 */
import { areFinite } from "../numbers/all-finite.ts";
import { type GroupFormat, rawGroups } from "../numbers/groups.ts";
import { PanelTensor } from "../numbers/panels.ts";
import { type Dtype, GROUP, type RawTensor } from "../numbers/raw-tensor.ts";
import type { Asking } from "./asking.ts";
import type { Checkpoint, StoredTensor } from "./checkpoint.ts";
import { type AreFinite, type BlockPlace, checkFinite } from "./finite.ts";
import { groupFormat } from "./match-tensors.ts";
import { GROUP_SCALE_SUFFIX } from "./names.ts";
import { decodeScales, scaleName } from "./scales.ts";

/** What a checkpoint stores for a tensor: its own name, and that of its scales. Panels hold theirs. */
export function storedNames({ tensors }: Pick<Checkpoint, "tensors">, name: string): string[] {
  const dtype = tensors.get(name)?.dtype ?? "";
  const groupScales = name + GROUP_SCALE_SUFFIX;
  if (groupFormat(dtype)) return tensors.has(groupScales) ? [name, groupScales] : [name];
  return dtype === "F8_E4M3" ? [name, scaleName(name, (other) => tensors.has(other))] : [name];
}

/**
 * Asks for what is stored of a tensor of a matched checkpoint, and checks that its numbers are finite.
 *
 * @param block where it stands in the tensor, if what is given is only a part of it
 */
export function* rawTensor(
  checkpoint: Pick<Checkpoint, "tensors">,
  name: string,
  check: AreFinite = areFinite,
  block?: BlockPlace,
): Asking<StoredTensor, RawTensor> {
  const [, scales = name] = storedNames(checkpoint, name);
  const { dtype, shape, bytes } = yield name;
  const format = groupFormat(dtype);
  // matchTensors() has checked that the engine reads this dtype.
  let raw: RawTensor = { dtype: dtype as Dtype, shape, bytes };
  if (format && scales === name) raw = new PanelTensor(format, shape, bytes);
  else if (format) raw = withScales(format, bytes, yield scales);
  else if (scales !== name) raw = { ...raw, scales: decodeScales(yield scales) };
  checkFinite(name, raw, scales, check, block);
  return raw.panels ? raw : { ...raw, isFinite: true };
}

/** Joins groups with their scales. The shape of the scales tells that of the tensor. */
function withScales(format: GroupFormat, quants: Uint8Array, stored: StoredTensor): RawTensor {
  const { bytes, shape } = stored;
  const scales = new Uint16Array(bytes.length / 2);
  for (let g = 0; g < scales.length; g++) scales[g] = bytes[2 * g] | (bytes[2 * g + 1] << 8);
  const last = shape.length - 1;
  const whole = shape.map((n, axis) => (axis === last ? n * GROUP : n));
  return rawGroups(format, whole, { quants, scales });
}
