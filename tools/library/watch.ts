/**
 * Looks on while a model chooses each token: which positions an indexer chose, and which experts ran.
 * @module
 */
import { newTap, noTap, type Taps } from "../../engine/base/tap.ts";
import type { Indices, Tensor } from "../../engine/base/tensor.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";

/** A position that an indexer chose, and the score that it has there. */
export interface ChosenPosition {
  /** Counted from 0. */
  readonly position: number;
  /** Of the indexer, for the newest token. */
  readonly score: number;
}

/** What was seen in the last row of a step: that of the newest token. */
export interface Seen {
  /** Positions that the last layer with an indexer of its own chose; the highest score first. */
  readonly choices: readonly ChosenPosition[];
  /** Experts that ran in each layer that has some, in the router's order. */
  readonly experts: ReadonlyMap<number, readonly number[]>;
}

/** Taps to give to a session, and what they saw last. */
export interface Watch {
  /** What a session is given: `glm.session({ taps })`. */
  readonly taps: Taps;
  /** The layer whose choices are looked at. */
  readonly layer: number;
  /** What was seen in the last step. */
  seen(): Seen;
}

/** Makes taps that keep what a person wants to see, and only that: no result depends on them. */
export function watch(config: Pick<ModelConfig, "indexerTypes">): Watch {
  const layer = config.indexerTypes.lastIndexOf("full");
  let scores: readonly number[] = [];
  let positions: readonly number[] = [];
  const experts = new Map<number, readonly number[]>();
  const tap = (of: number) =>
    newTap(
      (stage, value) => {
        if (stage === "ffn_moe_topk") experts.set(of, lastRow(value));
        else if (stage === "indexer_score") scores = lastRow(value);
        else if (stage === "top_k") positions = lastRow(value).filter((s) => s >= 0);
      },
      (stage) =>
        stage === "ffn_moe_topk" ||
        (of === layer && (stage === "indexer_score" || stage === "top_k")),
    );
  return {
    layer,
    taps: { model: noTap, layer: tap },
    seen: () => ({
      choices: positions
        .map((position) => ({ position, score: scores[position] }))
        .sort((a, b) => b.score - a.score || a.position - b.position),
      experts,
    }),
  };
}

function lastRow(value: Tensor | Indices): number[] {
  const n = value.shape[value.shape.length - 1];
  return [...value.data.slice(value.data.length - n)];
}
