/**
 * Checkpoint → {@link ModelWeights}. Each byte is read once, tensor by tensor, and handed to the
 * backend as it is stored; no file is ever read whole.
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
import { bind, GROUP_SCALE_SUFFIX, groupFormat, SCALE_SUFFIX } from "./bind.ts";
import type { Checkpoint, StoredTensor } from "./checkpoint.ts";
import { checkFinite } from "./finite.ts";
import { type LoadContext, loadLayer, loadMtp, placeAll, type ReadTensor } from "./load-layer.ts";
import { globalSpecs } from "./names.ts";

/** Told after each tensor how far the reading is, in bytes. */
export type OnProgress = (bytesDone: number, bytesTotal: number) => void;

/**
 * Reads and places all weights of a model.
 *
 * `mtp` is undefined when the config has no MTP layer, or when the files hold no tensor of it.
 *
 * @throws {WeightsError} when the files do not hold exactly what the config implies, which their
 *   headers tell before any number is read, or when a number is NaN or infinite
 */
export async function loadWeights(
  ops: Ops,
  config: ModelConfig,
  checkpoint: Checkpoint,
  onProgress: OnProgress = () => {},
): Promise<ModelWeights> {
  const { nLayers, layoutOf, bytes } = bind(config, checkpoint);
  const ctx: LoadContext = { ops, config, read: tensorReader(checkpoint, bytes, onProgress) };

  const globals = await placeAll<Pick<ModelWeights, "embedTokens" | "norm" | "lmHead">>(
    ctx,
    "",
    globalSpecs(config),
  );
  const layers: LayerWeights[] = [];
  for (let i = 0; i < config.numHiddenLayers; i++) {
    layers.push(await loadLayer(ctx, i, layoutOf(i)));
  }
  const last = nLayers - 1;
  const hasMtp = nLayers > config.numHiddenLayers;
  const mtp = hasMtp ? await loadMtp(ctx, last, layoutOf(last)) : undefined;
  return { ...globals, layers, mtp };
}

/** Reads a bound tensor with its scales, if it has any, and checks that its numbers are finite. */
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
    if (format === undefined) return { dtype: dtype as Dtype, shape, bytes }; // bind() compared it
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

/** Groups with their scales, in the shape that these tell. */
function withScales(format: GroupFormat, quants: Uint8Array, stored: StoredTensor): RawTensor {
  const { bytes, shape } = stored;
  const scales = new Uint16Array(bytes.length / 2);
  for (let g = 0; g < scales.length; g++) scales[g] = bytes[2 * g] | (bytes[2 * g + 1] << 8);
  const last = shape.length - 1;
  const whole = shape.map((n, axis) => (axis === last ? n * GROUP : n));
  return rawGroups(format, whole, { quants, scales });
}
