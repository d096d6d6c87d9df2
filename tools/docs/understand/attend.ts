/**
 * The attention of the last token of a text over all positions, as it would be without a choice.
 * @module
 */
import type { Model } from "../../../engine/index.ts";
import { trace } from "../../../engine/trace/trace.ts";

/** What one layer keeps and asks, for all positions: each tensor has one part for each position. */
export interface Asked {
  readonly nHeads: number;
  /** Queries of the last token, moved into the space of the latents; one for each head. */
  readonly query: Rows;
  /** Rotary queries of the last token; one for each head. */
  readonly rotaryQuery: Rows;
  readonly latents: Rows;
  readonly rotaryKeys: Rows;
  /** What scores are multiplied by. */
  readonly scale: number;
}

/** Lists of numbers of the same length. */
type Rows = readonly (readonly number[])[];

/** Runs a text, and takes out what the attention of each layer needs. */
export function attentionOf(model: Model, ids: readonly number[]): Asked[] {
  const { config } = model;
  const nHeads = config.numAttentionHeads;
  const stages = ["q_nope_absorbed", "q_pe", "kv_cmpr", "k_pe"];
  const seen = new Map(trace(model, { tokens: ids, stages }).map((one) => [one.name, one.data]));
  const rows = (stage: string, layer: number, width: number): Rows => {
    const data = [...(seen.get(`${stage}-${layer}`) ?? [])];
    return Array.from({ length: data.length / width }, (_, i) =>
      data.slice(i * width, (i + 1) * width),
    );
  };
  return [...model.weights.layers].map((_, l) => ({
    nHeads,
    query: rows("q_nope_absorbed", l, config.kvLoraRank).slice(-nHeads),
    rotaryQuery: rows("q_pe", l, config.qkRopeHeadDim).slice(-nHeads),
    latents: rows("kv_cmpr", l, config.kvLoraRank),
    rotaryKeys: rows("k_pe", l, config.qkRopeHeadDim),
    scale: 1 / Math.sqrt(config.qkHeadDim),
  }));
}

/** The softmax weights over all positions, mean over the heads. */
export function meanAttention(of: Asked): number[] {
  const mean = new Array<number>(of.latents.length).fill(0);
  for (let h = 0; h < of.nHeads; h++) {
    const weights = softmax(
      of.latents.map(
        (c, s) => of.scale * (dot(of.query[h], c) + dot(of.rotaryQuery[h], of.rotaryKeys[s])),
      ),
    );
    weights.forEach((weight, s) => {
      mean[s] += weight / of.nHeads;
    });
  }
  return mean;
}

/** `exp(x) / Σ exp(x)` */
export function softmax(numbers: readonly number[]): number[] {
  const most = numbers.reduce((a, b) => Math.max(a, b));
  const powers = numbers.map((x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((x) => x / sum);
}

/** The sum of the products of two lists. */
export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}
