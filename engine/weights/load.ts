/**
 * Loads the weights of a model from a checkpoint. Each byte is read once, tensor by tensor, and the
 * backend gets it as it is stored; no file is ever read whole.
 *
 * Next: load-layer.ts
 * @module
 */

import type { ModelConfig } from "../config/model-config.ts";
import type { LayerWeights, ModelWeights } from "../model/weights.ts";
import type { RawTensor } from "../numbers/raw-tensor.ts";
import type { Ops } from "../ops/ops.ts";
import { answered } from "./asking.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type LoadContext, loadLayer, loadMtp, placeAll } from "./load-layer.ts";
import { type MatchedTensors, type MtpWish, matchTensors } from "./match-tensors.ts";
import { rawTensor } from "./raw-tensor.ts";
import { readingAhead } from "./read-ahead.ts";
import { originalOf } from "./surplus.ts";
import { everySpec } from "./table.ts";
import { WeightsError } from "./weights-error.ts";

/** Reads a tensor with its scales, by its complete name, and checks it. */
export type ReadTensor = (name: string) => Promise<RawTensor>;

/** The weights outside the layers. */
type Globals = Pick<ModelWeights, "embedTokens" | "norm" | "lmHead">;

/**
 * A function that is called after each tensor, with the bytes read so far and those of all files.
 */
export type OnProgress = (bytesDone: number, bytesTotal: number) => void;

/** Weights that are all in memory. */
export interface ResidentWeights extends ModelWeights {
  readonly layers: readonly LayerWeights[];
}

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
): Promise<ResidentWeights> {
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
): Promise<ResidentWeights> {
  const ctx: LoadContext = { ops, config };
  const names = [...everySpec(specs)].map(({ name }) => name);
  const bytesOf = (name: string): number => checkpoint.tensors.get(name)?.length ?? 0;
  const read = readingAhead(names, tensorReader(checkpoint, bytes, onProgress), bytesOf);
  const globals = await answered(read, placeAll<Globals>(ctx, specs.globals));
  const layers: LayerWeights[] = [];
  for (const layer of specs.layers) layers.push(await answered(read, loadLayer(ctx, layer)));
  if (specs.mtp === undefined) return { ...globals, layers, mtp: undefined, noMtp };
  try {
    await compareCopies(config, checkpoint);
    return { ...globals, layers, mtp: await answered(read, loadMtp(ctx, specs.mtp)) };
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
  return async (name) => {
    let bytes = 0;
    const raw = await answered(
      async (piece) => {
        const stored = await checkpoint.read(piece);
        bytes += stored.bytes.length;
        return stored;
      },
      rawTensor(checkpoint, name),
    );
    done += bytes; // at once, since several tensors may be on their way
    onProgress(done, total);
    return raw;
  };
}
