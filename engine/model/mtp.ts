/**
 * Multi-token prediction (MTP): one more layer, which guesses the token after the next one.
 *
 * Slot `i` of the layer has two inputs: the hidden state of the main model at position `i`, and
 * token `i + 1`, which the main model chose there. From these the layer guesses token `i + 2`. Its
 * output can also take the place of the main hidden state in the next slot, so that the layer can
 * guess further tokens.
 *
 * @see DeepSeek-V3, arXiv 2412.19437, §2.2 · GLM-5 report, arXiv 2602.15763 · vLLM `deepseek_mtp`
 * @module
 */

import type { Tap } from "../base/tap.ts";
import type { Indices, Tensor } from "../base/tensor.ts";
import type { LayerCache } from "../kv/step-cache.ts";
import { positionsFrom } from "../numbers/rope-table.ts";
import { decoderLayer } from "./layer.ts";
import type { Model } from "./model.ts";
import { stepRope } from "./step.ts";
import type { MtpWeights } from "./weights.ts";

/** The input of one run of the layer, for slots `start, start + 1, …`. */
export interface MtpInput {
  /** The first slot. */
  readonly start: number;
  /** The token after each slot's position: token `i + 1` for slot `i`. */
  readonly nextTokens: Int32Array;
  /** For each slot, the main hidden state after `model.norm`, or the output of the last run. */
  readonly hidden: Tensor<["T", "hidden"]>;
  /**
   * Rows to attend to. When given, the layer does not select rows itself. With
   * `index_share_for_mtp_iteration`, every run after the first reuses the selection of the last
   * slot with a main hidden state: the layer is then a shared layer, and does not see draft slots.
   */
  readonly sharedTopK?: Indices<["T", "K"]> | undefined;
}

/** The output of one run of the layer. */
export interface MtpOutput {
  /**
   * Hidden states after `shared_head.norm`. The head reads them, and the next run starts from them.
   */
  readonly hidden: Tensor<["T", "hidden"]>;
  /** The rows that each slot attended to. */
  readonly topK: Indices<["T", "K"]>;
}

/** Runs the MTP layer over some slots, and appends their rows to `cache`. */
export function mtpStep(
  { ops, config, weights }: Model,
  mtp: MtpWeights,
  input: MtpInput,
  cache: LayerCache,
  tap: Tap,
): MtpOutput {
  const { start, nextTokens, hidden, sharedTopK } = input;
  const eps = config.rmsNormEps;
  const e = ops.embed(nextTokens, weights.embedTokens);
  const z = ops.linear(
    ops.join(
      tap("mtp_enorm", ops.rmsNorm(e, mtp.enorm, eps)),
      tap("mtp_hnorm", ops.rmsNorm(hidden, mtp.hnorm, eps)),
    ),
    mtp.ehProj,
  );
  const h = tap("mtp_eh_proj", z);
  const positions = positionsFrom(start, nextTokens.length);
  const step = { ops, cfg: config, positions, rope: stepRope(ops, config, positions), tap };
  const out = sharedTopK
    ? decoderLayer(step, { ...mtp.layer, indexer: undefined }, { h, topK: sharedTopK }, cache)
    : decoderLayer(step, mtp.layer, { h }, cache);
  return {
    hidden: tap("mtp_hidden", ops.rmsNorm(out.h, mtp.sharedHeadNorm, eps)),
    topK: out.topK,
  };
}
