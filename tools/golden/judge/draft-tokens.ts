/**
 * The tokens that a draft step may have gone on with: the dump has its logits, but not its choice.
 * @module
 */
import type { GoldenTensor } from "../case/case.ts";

/**
 * The tokens with the largest logit of the last row. There are several where the format of a dump
 * has made equal what the engine could tell apart. None where a logit is no number.
 */
export function draftTokens({ data }: Pick<GoldenTensor, "data">, nVocab: number): number[] {
  const row = Array.from(data.subarray(-nVocab));
  if (row.length < nVocab || !row.every(Number.isFinite)) return [];
  const most = Math.max(...row);
  return row.flatMap((logit, token) => (logit === most ? [token] : []));
}
