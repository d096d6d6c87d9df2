/**
 * How often a cache of experts hits with GLM-5.2.
 * @module
 */
import type { ModelConfig } from "../../engine/config/model-config.ts";

/**
 * Share of hits of an LRU cache by slots for each layer, with the restless routes of MODEL.md, §8.4, which
 * come nearest to the hits that others measured with GLM-5.2. A test makes these figures again.
 */
// biome-ignore format: a table
export const EXPECTED_HITS: readonly (readonly [slots: number, share: number])[] = [
  [0, 0], [1, 0.036], [2, 0.074], [3, 0.110], [4, 0.148], [6, 0.219], [8, 0.288], [12, 0.366],
  [16, 0.427], [24, 0.508], [32, 0.563], [48, 0.642], [64, 0.706], [96, 0.800], [128, 0.867],
  [192, 0.945], [256, 0.975],
];

/** The router to which these figures belong. */
const [N_EXPERTS, N_ACTIVE] = [256, 8];

/** The share of hits to expect, or undefined for a model whose routes nobody has looked at. */
export function expectedHits(c: ModelConfig, slots: number): number | undefined {
  if (c.nRoutedExperts !== N_EXPERTS || c.numExpertsPerTok !== N_ACTIVE) return undefined;
  const above = EXPECTED_HITS.findIndex(([n]) => n >= slots);
  if (above <= 0) return EXPECTED_HITS.at(above)?.[1];
  const [[n0, share0], [n1, share1]] = EXPECTED_HITS.slice(above - 1, above + 1);
  return share0 + ((slots - n0) / (n1 - n0)) * (share1 - share0);
}
