/**
 * Loads the weights of a model from a checkpoint. Each byte is read once, tensor by tensor, and the
 * backend gets it as it is stored; no file is ever read whole.
 *
 * Next: load-layer.ts
 * @module
 */

import type { ModelConfig } from "../config/model-config.ts";
import type { LayerWeights, ModelWeights } from "../model/weights.ts";
import { type GroupFormat, rawGroups } from "../numbers/groups.ts";
import { type Dtype, GROUP, type RawTensor } from "../numbers/raw-tensor.ts";
import type { Ops } from "../ops/ops.ts";
import type { Checkpoint, StoredTensor } from "./checkpoint.ts";
import { checkFinite } from "./finite.ts";
import { type LoadContext, loadLayer, loadMtp, placeAll, type ReadTensor } from "./load-layer.ts";
import { groupFormat, type MatchedTensors, type MtpWish, matchTensors } from "./match-tensors.ts";
import { GROUP_SCALE_SUFFIX } from "./names.ts";
import { readInTurn } from "./read-ahead.ts";
import { decodeScales, scaleName } from "./scales.ts";
import { originalOf } from "./surplus.ts";
import { WeightsError } from "./weights-error.ts";

/**
 * A function that is called after each tensor, with the bytes read so far and those of all files.
 */
export type OnProgress = (bytesDone: number, bytesTotal: number) => void;

/**
 * Reads and places all weights of a model.
 *
 * Its `mtp` is undefined when the config has no MTP layer, or when the files hold no tensor of it.
 *
 * @param mtp whether to load the MTP layer, too
 * @throws {WeightsError} when the files do not hold what the config implies, which is found out from
 *   their headers before any number is read, or when a number is NaN or infinite
 */
export async function loadWeights(
  ops: Ops,
  config: ModelConfig,
  checkpoint: Checkpoint,
  onProgress: OnProgress = () => {},
  mtp: MtpWish = "load",
): Promise<ModelWeights> {
  const matched = matchTensors(config, checkpoint, mtp);
  return loadMatched(ops, config, checkpoint, matched, { onProgress, mtp });
}

/** {@link loadWeights} for tensors that are matched already. */
export async function loadMatched(
  ops: Ops,
  config: ModelConfig,
  checkpoint: Checkpoint,
  { specs, bytes, noMtp }: MatchedTensors,
  { onProgress, mtp: wish }: { readonly onProgress: OnProgress; readonly mtp: MtpWish },
): Promise<ModelWeights> {
  const read = tensorReader(checkpoint, bytes, onProgress);
  const bytesOf = (name: string): number => checkpoint.tensors.get(name)?.length ?? 0;
  const ctx: LoadContext = {
    ops,
    config,
    read,
    readInTurn: (names) => readInTurn(names, read, bytesOf),
  };

  const globals = await placeAll<Pick<ModelWeights, "embedTokens" | "norm" | "lmHead">>(
    ctx,
    specs.globals,
  );
  const layers: LayerWeights[] = [];
  for (const layer of specs.layers) layers.push(await loadLayer(ctx, layer));
  if (specs.mtp === undefined) return { ...globals, layers, mtp: undefined, noMtp };
  try {
    await compareCopies(config, checkpoint);
    return { ...globals, layers, mtp: await loadMtp(ctx, specs.mtp) };
  } catch (error) {
    if (wish === "load" || !(error instanceof WeightsError)) throw error;
    return { ...globals, layers, mtp: undefined, noMtp: error.message };
  }
}

/**
 * Compares the embedding and the head that some checkpoints store once more for the MTP layer with
 * those of the model, which are used for both.
 *
 * @throws {WeightsError} when they are others
 */
async function compareCopies(config: ModelConfig, checkpoint: Checkpoint): Promise<void> {
  for (const name of checkpoint.tensors.keys()) {
    const original = originalOf(config, name);
    if (original === undefined) continue;
    const [copy, first] = [await checkpoint.read(name), await checkpoint.read(original)];
    const { bytes } = first;
    const isSame =
      copy.dtype === first.dtype &&
      copy.bytes.length === bytes.length &&
      copy.bytes.every((byte, i) => byte === bytes[i]);
    if (!isSame) {
      throw new WeightsError(name, `expected a copy of ${original}, got other numbers or dtype`);
    }
  }
}

/**
 * Returns a function that reads a tensor of a matched checkpoint, with its scales if it has any,
 * and checks that its numbers are finite.
 *
 * @param total bytes of all tensors, for `onProgress`
 */
export function tensorReader(
  checkpoint: Checkpoint,
  total: number,
  onProgress: OnProgress,
): ReadTensor {
  let done = 0;
  const read = async (name: string): Promise<StoredTensor[]> => {
    const scales = scaleName(name, (other) => checkpoint.tensors.has(other));
    const first = await checkpoint.read(name);
    if (groupFormat(first.dtype)) return [first, await checkpoint.read(name + GROUP_SCALE_SUFFIX)];
    return first.dtype === "F8_E4M3" ? [first, await checkpoint.read(scales)] : [first];
  };
  return async (name) => {
    const parts = await read(name);
    const raw = joined(parts);
    checkFinite(
      name,
      raw,
      scaleName(name, (other) => checkpoint.tensors.has(other)),
    );
    for (const { bytes } of parts) done += bytes.length;
    onProgress(done, total);
    return raw;
  };
}

/** A tensor, and its scales if it has any, as one. */
function joined([{ dtype, shape, bytes }, scales]: readonly StoredTensor[]): RawTensor {
  const format = groupFormat(dtype);
  if (format !== undefined) return withScales(format, bytes, scales);
  // matchTensors() has checked that the engine reads this dtype.
  const raw = { dtype: dtype as Dtype, shape, bytes };
  return scales === undefined ? raw : { ...raw, scales: decodeScales(scales) };
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
