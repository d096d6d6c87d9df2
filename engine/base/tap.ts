/**
 * Taps let a test look at a stage of the forward pass without the pass knowing.
 * @module
 */
import type { Indices, Tensor } from "./tensor.ts";

/**
 * Every observable stage of a layer, under the names of llama.cpp's `src/models/glm-dsa.cpp`, so
 * that dumps compare one to one. Each name is tapped once per layer, on its final value.
 */
export const LAYER_STAGES = [
  "attn_norm",
  "qr",
  "q_nope",
  "q_pe",
  "kv_cmpr",
  "k_pe",
  "indexer_q",
  "indexer_k",
  "indexer_weights",
  "indexer_score",
  "top_k",
  "q_nope_absorbed",
  "attn_out",
  "ffn_inp",
  "ffn_norm",
  "ffn_moe_logits",
  "ffn_moe_topk",
  "ffn_moe_weights",
  "ffn_moe_out",
  "ffn_shexp",
  "ffn_out",
  "l_out",
] as const;

/** Stages of a whole step; they carry no layer number. */
export const MODEL_STAGES = ["inp_embd", "result_norm", "result_output"] as const;

/** Stages of the multi-token-prediction layer beside those of any layer. */
export const MTP_STAGES = ["mtp_enorm", "mtp_hnorm", "mtp_eh_proj", "mtp_hidden"] as const;

/** The name of one stage. A closed union: a typo does not compile. */
export type Stage =
  | (typeof LAYER_STAGES)[number]
  | (typeof MODEL_STAGES)[number]
  | (typeof MTP_STAGES)[number];

/**
 * Sees one stage after the other.
 *
 * A tap is called around the expression that makes a value and returns that value unchanged, so it adds
 * no line to the model. It must not write to the value, and must copy it to keep it: the memory may be
 * used again when the layer ends.
 */
export interface Tap {
  <X extends Tensor | Indices>(stage: Stage, value: X): X;
  /**
   * Whether the tap looks at this stage at all. Some values are made whole only for a tap that does:
   * `indexer_score` has one number for each query and each cached position.
   */
  wants(stage: Stage): boolean;
}

/** Taps for a whole forward pass: one for the model, one for each layer. */
export interface Taps {
  /** Sees the stages of the whole step. */
  readonly model: Tap;
  /** The tap of one layer. */
  layer(index: number): Tap;
}

/**
 * A tap that shows the wanted stages to `see`.
 *
 * @param wants which stages; all of them when it is not given
 */
export function newTap(
  see: (stage: Stage, value: Tensor | Indices) => void,
  wants: (stage: Stage) => boolean = () => true,
): Tap {
  const tap = <X extends Tensor | Indices>(stage: Stage, value: X): X => {
    if (wants(stage)) see(stage, value);
    return value;
  };
  return Object.assign(tap, { wants });
}

/** A tap that passes each stage to two taps. */
export function bothTaps(a: Tap, b: Tap): Tap {
  return newTap(
    (stage, value) => b(stage, a(stage, value)),
    (stage) => a.wants(stage) || b.wants(stage),
  );
}

/** The tap of a normal run. It wants nothing. */
export const noTap: Tap = newTap(
  () => {},
  () => false,
);

/** The taps of a normal run. */
export const noTaps: Taps = { model: noTap, layer: () => noTap };
