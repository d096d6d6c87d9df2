/**
 * Fused experts, as HF transformers 5 saves them, seen as experts that are stored one by one. Nothing is
 * moved: each expert's matrices are pieces of the two tensors of its layer.
 *
 * Next: delivery.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import { FP8_BLOCK } from "../numbers/raw-tensor.ts";
import type { Checkpoint, CheckpointEntry } from "../weights/checkpoint.ts";
import { expertSpecs } from "../weights/names.ts";
import { storedNames } from "../weights/raw-tensor.ts";
import { type LayerSpecs, layerPrefix, type ModelSpecs } from "../weights/table.ts";
import { WeightsError } from "../weights/weights-error.ts";

/** A checkpoint and the table of its tensors. */
export interface Stored {
  readonly checkpoint: Checkpoint;
  readonly specs: ModelSpecs;
}

/**
 * The same model with all experts one by one.
 *
 * @throws {WeightsError} when a block of fp8 holds rows of two matrices, so that they cannot be read apart
 */
export function unfused(config: ModelConfig, { checkpoint, specs }: Stored): Stored {
  const isFused = ({ ffn }: LayerSpecs) => ffn.kind === "sparse" && ffn.experts.layout === "fused";
  if (![...specs.layers, ...(specs.mtp ? [specs.mtp.layer] : [])].some(isFused)) {
    return { checkpoint, specs };
  }
  const tensors = new Map(checkpoint.tensors);
  const split = (layer: LayerSpecs, l: number): LayerSpecs => {
    const { ffn } = layer;
    if (ffn.kind === "dense" || ffn.experts.layout !== "fused") return layer;
    const { nExperts, gateUp, down } = ffn.experts;
    const expert = (e: number) => expertSpecs(config, e, layerPrefix(l));
    for (let e = 0; e < nExperts; e++) {
      const parts = expert(e);
      addPieces(tensors, checkpoint, gateUp.name, 2 * nExperts, 2 * e, parts.gate.name);
      addPieces(tensors, checkpoint, gateUp.name, 2 * nExperts, 2 * e + 1, parts.up.name);
      addPieces(tensors, checkpoint, down.name, nExperts, e, parts.down.name);
    }
    return { ...layer, ffn: { ...ffn, experts: { layout: "per-expert", nExperts, expert } } };
  };
  const layers = specs.layers.map(split);
  const mtp = specs.mtp && {
    ...specs.mtp,
    layer: split(specs.mtp.layer, config.numHiddenLayers),
  };
  return { checkpoint: { ...checkpoint, tensors }, specs: { ...specs, layers, mtp } };
}

/** Adds piece `i` of `n` equal pieces of a stored tensor, and that of its scales. */
function addPieces(
  tensors: Map<string, CheckpointEntry>,
  checkpoint: Checkpoint,
  fused: string,
  n: number,
  i: number,
  name: string,
): void {
  for (const stored of storedNames(checkpoint, fused)) {
    const entry = checkpoint.tensors.get(stored) as CheckpointEntry;
    const [nE, nRows, ...rest] = entry.shape;
    const rows = (nE * nRows) / n;
    const isCut = entry.dtype === "F8_E4M3" && n > nE && rows % FP8_BLOCK !== 0;
    if (isCut || !Number.isInteger(rows)) {
      const what = `blocks of ${FP8_BLOCK} rows hold gate and up: ${rows} rows each`;
      throw new WeightsError(stored, `cannot be streamed, because ${what}`);
    }
    const length = entry.length / n;
    tensors.set(name + stored.slice(fused.length), {
      ...entry,
      shape: [rows, ...rest],
      offset: entry.offset + i * length,
      length,
    });
  }
}
