/**
 * Everything that a run chooses, as tables of scores: in each row the best ones are chosen.
 *
 * Next: hidden-choices.ts
 * @module
 */
import type { Model } from "../../../engine/index.ts";
import { sigmoid } from "../../../engine/numbers/math.ts";
import { parseStage, stageAt } from "../../../engine/trace/stage-names.ts";
import type { GoldenTensor } from "../case/case.ts";
import { routerBias } from "../case/router-bias.ts";
import { magnitudeOf } from "./distance.ts";
import { borders } from "./margins.ts";

/** In each row the `k` best of the scores are chosen. */
export interface ScoreTable {
  /** The stage that holds the choice; for groups of experts a name that no trace has. */
  readonly name: string;
  readonly scores: GoldenTensor;
  readonly k: number;
  /** Gaps between scores are given as shares of this. */
  readonly unit: number;
}

/**
 * The choices that the numbers of a stage make.
 *
 * @param right the stage's right numbers: they say which groups of experts are open
 */
export function scoreTables(
  name: string,
  got: GoldenTensor,
  right: GoldenTensor,
  model: Model,
): ScoreTable[] {
  const { stage, number = 0 } = parseStage(name);
  const { config } = model;
  const unit = magnitudeOf(right.data);
  switch (stage) {
    case "indexer_score":
      return [{ name: stageAt("top_k", number), scores: got, k: config.indexTopk, unit }];
    case "logits":
      return [{ name, scores: got, k: 1, unit }];
    case "mtp_logits": {
      const data = got.data.subarray(-config.vocabSize); // the guess that the next step starts from
      return [{ name, scores: { shape: [1, data.length], data }, k: 1, unit }];
    }
    case "ffn_moe_logits":
      return routerTables(number, got, right, model);
    default:
      return [];
  }
}

/** Sigmoid plus bias: of groups, where there are several, and of the experts in open groups. */
function routerTables(
  layer: number,
  got: GoldenTensor,
  right: GoldenTensor,
  { config, weights }: Model,
): ScoreTable[] {
  const { nGroup, topkGroup, numExpertsPerTok: k } = config;
  const bias = routerBias(weights, layer);
  if (!bias) return [];
  const nE = bias.length;
  const biased = (x: GoldenTensor): GoldenTensor => ({
    shape: x.shape,
    data: Float64Array.from(x.data, (logit, i) => sigmoid(logit) + bias[i % nE]),
  });
  const experts = { name: stageAt("ffn_moe_topk", layer), scores: biased(got), k, unit: 1 };
  if (nGroup === 1) return [experts];
  const worth = (x: GoldenTensor): GoldenTensor => groupWorth(biased(x), nGroup);
  const { chosen } = borders(worth(right), topkGroup);
  const size = nE / nGroup;
  const data = experts.scores.data.map((x, i) => {
    const isOpen = chosen[Math.floor(i / nE)]?.includes(Math.floor((i % nE) / size)) ?? true;
    return isOpen ? x : Number.NEGATIVE_INFINITY;
  });
  return [
    { name: `ffn_moe_groups-${layer}`, scores: worth(got), k: topkGroup, unit: 1 },
    { ...experts, scores: { shape: got.shape, data } },
  ];
}

/** The sum of the two best scores of each group. */
function groupWorth({ shape, data }: GoldenTensor, nGroup: number): GoldenTensor {
  const [nRows, nE] = shape;
  const size = nE / nGroup;
  const worth = Float64Array.from({ length: nRows * nGroup }, (_, g) => {
    const [first, second = 0] = [...data.subarray(g * size, (g + 1) * size)].sort((a, b) => b - a);
    return first + second;
  });
  return { shape: [nRows, nGroup], data: worth };
}
