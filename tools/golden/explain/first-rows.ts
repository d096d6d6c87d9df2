/**
 * A case and its stages on the first tokens alone. A row depends on no later token, so a search on these
 * finds the same at a part of the work.
 * @module
 */
import { isDraftStage, parseStage } from "../../../engine/trace/stage-names.ts";
import type { CaseInfo } from "../case/case.ts";
import type { Stages } from "./roles.ts";
import type { Target } from "./target.ts";

/** Stages with an entry for each position, or for as many as are chosen. */
const GROWING = ["indexer_score", "top_k", "mtp_top_k"];

/** The first rows of stages, for the first tokens. */
export function cutStages(stages: Stages, nT: number): Stages {
  return new Map(
    [...stages].map(([name, { shape, data }]) => {
      const rows = Math.min(nT, shape[0]);
      const width = data.length / shape[0];
      if (!GROWING.includes(parseStage(name).stage)) {
        return [name, { shape: [rows, ...shape.slice(1)], data: data.subarray(0, rows * width) }];
      }
      const columns = Math.min(width, nT);
      const kept = data.slice(0, rows * columns);
      for (let t = 0; t < rows; t++) {
        kept.set(data.subarray(t * width, t * width + columns), t * columns);
      }
      return [name, { shape: [rows, columns], data: kept }];
    }),
  );
}

/** How many rows that are off are looked at first. */
const FEW = 3;

/** How many tokens show a few of the rows that are off. All of them where a draft step is off. */
export function tokensFor({ stage, off }: Target, info: CaseInfo, nLayers: number): number {
  const { stage: name, number = 0 } = parseStage(stage);
  const isDraft = isDraftStage(name) || number >= nLayers;
  const last = off[Math.min(FEW, off.length) - 1] ?? 0;
  return isDraft ? info.tokens.length : Math.min(info.tokens.length, last + 2);
}

/** The first tokens of a case, without drafts where it has more tokens. */
export function firstTokens(info: CaseInfo, nT: number): CaseInfo {
  if (nT >= info.tokens.length) return info;
  return { ...info, tokens: info.tokens.slice(0, nT), mtpSteps: undefined };
}

/**
 * The same target on the first tokens.
 *
 * @param want what the model makes of these tokens
 */
export function firstRows(target: Target, nT: number, want?: Target["want"]): Target {
  const cut = (tensor: Target["want"]): Target["want"] =>
    cutStages(new Map([[target.stage, tensor]]), nT).get(target.stage) ?? tensor;
  const rows = Math.min(nT, target.rows);
  const off = target.off.filter((t) => t < rows);
  return { ...target, got: cut(target.got), want: want ?? cut(target.want), rows, off };
}
