/**
 * What can be done with a checkpoint of which some files are not there yet.
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";
import type { AbsentFile, Checkpoint } from "../../engine/weights/checkpoint.ts";
import { isNeeded, type ModelPart } from "../../engine/weights/part.ts";

/** Files that are not there. */
export interface MissingFiles {
  readonly files: readonly string[];
  /** Their size together, if all are known. */
  readonly bytes?: number | undefined;
}

/** A checkpoint that lacks files of the main model. */
export interface PartialCheckpoint {
  /** How many of the first layers can run. */
  readonly layers: number;
  /** Whether the last norm and the head are there, so that logits can be computed. */
  readonly logits: boolean;
  /** What is missing for logits after the layers that can run. */
  readonly forLogits: MissingFiles;
  /** What is missing to run one layer more, without logits. */
  readonly forNextLayer: MissingFiles;
  /** What is missing for the whole main model. */
  readonly forAll: MissingFiles;
}

/** Finds out which part of the main model is there; undefined when all of it is. */
export function partThatIsThere(
  c: ModelConfig,
  { absent = [] }: Checkpoint,
): PartialCheckpoint | undefined {
  const missing = (part: ModelPart): MissingFiles =>
    together(absent.filter(({ tensors }) => tensors.some((name) => isNeeded(c, part, name))));
  const isThere = (part: ModelPart): boolean => missing(part).files.length === 0;
  if (isThere({})) return undefined;
  let layers = 0;
  while (layers < c.numHiddenLayers && isThere({ layers: layers + 1, logits: false })) layers++;
  return {
    layers,
    logits: isThere({ layers }),
    forLogits: missing({ layers }),
    forNextLayer: missing({ layers: layers + 1, logits: false }),
    forAll: missing({}),
  };
}

function together(absent: readonly AbsentFile[]): MissingFiles {
  const sizes = absent.map(({ bytes }) => bytes ?? Number.NaN);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const files = absent.map(({ file }) => file).sort();
  return Number.isNaN(bytes) ? { files } : { files, bytes };
}
