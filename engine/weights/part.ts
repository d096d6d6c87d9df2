/**
 * A part of a model: its first layers, with or without what makes logits of them. The files that hold
 * only other tensors need not be there, so that one can begin with a few shards of a large checkpoint.
 *
 * Next: match-tensors.ts
 * @module
 */
import type { ModelConfig } from "../config/model-config.ts";
import type { CheckpointFiles } from "./byte-source.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { globalSpecs } from "./names.ts";
import { officialSizes } from "./official-tensors.ts";
import { layerOf } from "./surplus.ts";

/** Which part of a model is wanted. By default, all of it. */
export interface ModelPart {
  /** How many of the first main layers. By default, all. */
  readonly layers?: number | undefined;
  /** Whether logits are wanted, which need the last norm and the head. By default, they are. */
  readonly logits?: boolean | undefined;
}

/** Whether the part lacks the later layers of the model. */
export function isCut(c: ModelConfig, { layers }: ModelPart): boolean {
  return layers !== undefined && layers < c.numHiddenLayers;
}

/** Whether a part needs a tensor. No part needs the MTP layer: those who ask for it find out. */
export function isNeeded(c: ModelConfig, part: ModelPart, name: string): boolean {
  const layer = layerOf(name);
  if (layer >= 0) return layer < Math.min(part.layers ?? c.numHiddenLayers, c.numHiddenLayers);
  const { norm, lmHead } = globalSpecs(c);
  return part.logits !== false || (name !== norm.name && name !== lmHead.name);
}

/**
 * Opens a checkpoint of which only a part must be there.
 *
 * @throws {WeightsError} that lists all files that are missing, with their sizes where the index is
 *   that of a released repository; and the errors of {@link openCheckpoint}
 */
export function openPart(
  files: CheckpointFiles,
  c: ModelConfig,
  part: ModelPart = {},
): Promise<Checkpoint> {
  return openCheckpoint(files, {
    canLack: (name) => !isNeeded(c, part, name),
    sizesOf: (map) => officialSizes(c, map),
    wanted: isCut(c, part) ? `the first ${part.layers} layers` : undefined,
  });
}
