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
import type { Tap } from "../tap.ts";
import type { Indices, Tensor } from "../tensor.ts";
import { decoderLayer } from "./layer.ts";
import type { Model } from "./model.ts";
import { stepRope } from "./step.ts";
import type { MtpWeights } from "./weights.ts";

/** What one run of the layer starts from, for slots `start, start + 1, …`. */
export interface MtpInput {
  /** The first slot. */
  readonly start: number;
  /** The token that follows each slot: `i + 1` for slot `i`. */
  readonly nextTokens: Int32Array;
  /** Main hidden states after `model.norm` for each slot, or what the last run left. */
  readonly hidden: Tensor<["T", "hidden"]>;
  /**
   * Rows to attend to instead of a choice of the layer's own. With `index_share_for_mtp_iteration`,
   * every run after the first reuses the row of the last verified slot: the layer is then a shared
   * layer, and sees no draft slots.
   */
  readonly sharedTopK?: Indices<["T", "K"]> | undefined;
}

/** What one run of the layer leaves: hidden states to read or to start from, and the rows it saw. */
export interface MtpOutput {
  /** After `shared_head.norm`, applied once: the head reads it, and the next run starts from it. */
  readonly hidden: Tensor<["T", "hidden"]>;
  /** The rows that each slot attended to. */
  readonly topK: Indices<["T", "K"]>;
}

/** Runs the MTP layer over some slots and appends their rows to `cache`. */
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
  const rope = stepRope(ops, config, start, nextTokens.length);
  const step = { ops, cfg: config, start, rope, tap };
  const out = sharedTopK
    ? decoderLayer(step, { ...mtp.layer, indexer: undefined }, { h, topK: sharedTopK }, cache)
    : decoderLayer(step, mtp.layer, { h }, cache);
  return {
    hidden: tap("mtp_hidden", ops.rmsNorm(out.h, mtp.sharedHeadNorm, eps)),
    topK: out.topK,
  };
}
