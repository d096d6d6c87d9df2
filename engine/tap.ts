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
 * Returns `value` unchanged. Must not write to it, and must copy it to keep it: the memory may be
 * reused when the layer ends.
 */
export type Tap = <X extends Tensor | Indices>(stage: Stage, value: X) => X;

/** Taps for a whole forward pass: one for the model, one for each layer. */
export interface Taps {
  readonly model: Tap;
  layer(index: number): Tap;
}

/** The tap of a normal run. */
export const noTap: Tap = (_stage, value) => value;

/** The taps of a normal run. */
export const noTaps: Taps = { model: noTap, layer: () => noTap };
