/**
 * Loads the weights of a model from a checkpoint. Each byte is read once, tensor by tensor, and the
 * backend gets it as it is stored; no file is ever read whole.
 *
 * Next: load-layer.ts
 * @module
 */

import type { ModelConfig } from "../config/model-config.ts";
import type { LayerWeights, ModelWeights } from "../model/weights.ts";
import { decode } from "../numbers/formats.ts";
import { type GroupFormat, rawGroups } from "../numbers/groups.ts";
import { type Dtype, GROUP, type RawTensor } from "../numbers/raw-tensor.ts";
import type { Ops } from "../ops/ops.ts";
import type { Checkpoint, StoredTensor } from "./checkpoint.ts";
import { checkFinite } from "./finite.ts";
import { type LoadContext, loadLayer, loadMtp, placeAll, type ReadTensor } from "./load-layer.ts";
import { groupFormat, matchTensors } from "./match-tensors.ts";
import { GROUP_SCALE_SUFFIX, SCALE_SUFFIX } from "./names.ts";

/**
 * A function that is called after each tensor, with the bytes read so far and those of all files.
 */
export type OnProgress = (bytesDone: number, bytesTotal: number) => void;

/**
 * Reads and places all weights of a model.
 *
 * Its `mtp` is undefined when the config has no MTP layer, or when the files hold no tensor of it.
 *
 * @throws {WeightsError} when the files do not hold exactly what the config implies, which is found
 *   out from their headers before any number is read, or when a number is NaN or infinite
 */
export async function loadWeights(
  ops: Ops,
  config: ModelConfig,
  checkpoint: Checkpoint,
  onProgress: OnProgress = () => {},
): Promise<ModelWeights> {
  const { specs, bytes } = matchTensors(config, checkpoint);
  const ctx: LoadContext = { ops, config, read: tensorReader(checkpoint, bytes, onProgress) };

  const globals = await placeAll<Pick<ModelWeights, "embedTokens" | "norm" | "lmHead">>(
    ctx,
    specs.globals,
  );
  const layers: LayerWeights[] = [];
  for (const layer of specs.layers) layers.push(await loadLayer(ctx, layer));
  const mtp = specs.mtp && (await loadMtp(ctx, specs.mtp));
  return { ...globals, layers, mtp };
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
  const readStored = async (name: string): Promise<StoredTensor> => {
    const stored = await checkpoint.read(name);
    done += stored.bytes.length;
    return stored;
  };
  const read = async (name: string): Promise<RawTensor> => {
    const { dtype, shape, bytes } = await readStored(name);
    const format = groupFormat(dtype);
    // matchTensors() has checked that the engine reads this dtype.
    if (format === undefined) return { dtype: dtype as Dtype, shape, bytes };
    return withScales(format, bytes, await readStored(name + GROUP_SCALE_SUFFIX));
  };
  return async (name) => {
    let raw = await read(name);
    if (raw.dtype === "F8_E4M3") {
      raw = { ...raw, scales: Float32Array.from(decode(await read(name + SCALE_SUFFIX))) };
    }
    checkFinite(name, raw);
    onProgress(done, total);
    return raw;
  };
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
