/**
 * Multi-token prediction: one more layer that guesses the token after the next.
 *
 * Slot `i` joins two things known at position `i`: the hidden state that the main model left there,
 * and the token it then chose (`i + 1`). The layer makes of them a guess at token `i + 2`. Its own
 * output can stand in for the hidden state of the next position, so a guess can be guessed on from.
 *
 * @see DeepSeek-V3, arXiv 2412.19437, §2.2 · GLM-5 report, arXiv 2602.15763 · vLLM `deepseek_mtp`
 * @module
 */
import type { LayerCache } from "../kv/model-cache.ts";
import { ropeTable } from "../numbers/rope-table.ts";
import type { Tap } from "../tap.ts";
import type { Indices, Tensor } from "../tensor.ts";
import { decoderLayer } from "./layer.ts";
import type { Model } from "./model.ts";
import type { MtpWeights } from "./weights.ts";

/** What a draft step leaves: hidden states to read or recycle, and the rows it attended to. */
export interface MtpOutput {
  /** After `shared_head.norm`, applied once: the head reads it, and the next step starts from it. */
  readonly hidden: Tensor<["T", "hidden"]>;
  readonly topK: Indices<["T", "K"]>;
}

/**
 * Runs the MTP layer over slots `start …`.
 *
 * @param nextTokens token `i + 1` for each slot `i`
 * @param hidden     main hidden states after `model.norm` for each slot, or the last step's output
 * @param sharedTopK rows to attend to instead of a choice of its own: with
 *   `index_share_for_mtp_iteration`, every step after the first reuses the row of the last
 *   verified slot. The layer is then a shared layer, and sees no draft slots.
 */
export function mtpStep(
  { ops, config, weights }: Model,
  mtp: MtpWeights,
  nextTokens: Int32Array,
  hidden: Tensor<["T", "hidden"]>,
  start: number,
  cache: LayerCache,
  sharedTopK: Indices<["T", "K"]> | undefined,
  tap: Tap,
): MtpOutput {
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
  const rope = ropeTable(
    start,
    nextTokens.length,
    config.qkRopeHeadDim,
    config.ropeTheta,
    ops.precision,
  );
  const out = decoderLayer(
    ops,
    config,
    sharedTopK ? { ...mtp.layer, indexer: undefined } : mtp.layer,
    sharedTopK ? { h, topK: sharedTopK } : { h },
    rope,
    start,
    cache,
    tap,
  );
  return {
    hidden: tap("mtp_hidden", ops.rmsNorm(out.h, mtp.sharedHeadNorm, eps)),
    topK: out.topK,
  };
}
