/**
 * The official name of a released model, told by its shape. A folder may have any name.
 * @module
 * @see MODEL.md, section 3: the released configs
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";

/** The name, or undefined for a model of another shape. */
export function officialName(c: ModelConfig): string | undefined {
  const isLarge =
    c.hiddenSize === 6144 &&
    c.numHiddenLayers === 78 &&
    c.nRoutedExperts === 256 &&
    c.vocabSize === 154880;
  if (!isLarge) return undefined;
  return c.indexerTypes.includes("shared") ? "GLM-5.2" : "GLM-5 or GLM-5.1";
}
