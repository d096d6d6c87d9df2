/**
 * The operations of a layer by the part that they play, what people call them, and which stage shows
 * what they make.
 *
 * Next: sites.ts
 * @module
 */
import type { Indices, Tensor } from "../../../engine/base/tensor.ts";
import { stageAt, type TraceStage } from "../../../engine/trace/stage-names.ts";
import type { GoldenTensor } from "../case/case.ts";

/** Stages of a run, in the order of the model. */
export type Stages = ReadonlyMap<string, GoldenTensor>;

/** What people call each operation: by its weights where it has some. */
export const ROLES = {
  embed: "the embedding (embed_tokens)",
  inputNorm: "input_layernorm",
  qAProj: "q_a_proj",
  qANorm: "q_a_layernorm",
  wqB: "indexer.wq_b",
  idxQHeads: "the cut of the indexer's queries into heads",
  idxQSplit: "the split of the indexer's queries into rotary and plain channels",
  idxQRope: "the rotation of the indexer's queries",
  idxQJoin: "the joining of the indexer's query channels",
  wk: "indexer.wk",
  kNorm: "indexer.k_norm",
  idxKSplit: "the split of the indexer's key into rotary and plain channels",
  idxKRope: "the rotation of the indexer's key",
  idxKJoin: "the joining of the indexer's key channels",
  weightsProj: "indexer.weights_proj",
  indexScores: "the indexer's scores",
  topK: "the choice of rows (top-k)",
  qBProj: "q_b_proj",
  qHeads: "the cut of the queries into heads",
  qSplit: "the split of the queries into plain and rotary channels",
  qRope: "the rotation of the queries",
  kvAProj: "kv_a_proj_with_mqa",
  kvSplit: "the split of kv_a_proj into latent and rotary key",
  kvANorm: "kv_a_layernorm",
  kRope: "the rotation of the key",
  kUp: "the key half of kv_b_proj",
  rows: "the rows that the attention reads",
  latentAttention: "the attention over the chosen rows",
  vUp: "the value half of kv_b_proj",
  oHeads: "the joining of the attention's heads",
  oProj: "o_proj",
  attnAdd: "the residual sum after the attention",
  postNorm: "post_attention_layernorm",
  gate: "mlp.gate_proj",
  up: "mlp.up_proj",
  act: "the activation of the dense block",
  down: "mlp.down_proj",
  router: "the router (mlp.gate)",
  route: "the choice and weighing of experts",
  experts: "the routed experts",
  sharedGate: "shared_experts.gate_proj",
  sharedUp: "shared_experts.up_proj",
  sharedAct: "the activation of the shared expert",
  sharedDown: "shared_experts.down_proj",
  moeAdd: "the sum of routed and shared experts",
  ffnAdd: "the residual sum after the feed-forward block",
  norm: "the last norm (model.norm)",
  lmHead: "lm_head",
  enorm: "enorm of the MTP layer",
  hnorm: "hnorm of the MTP layer",
  mtpJoin: "the joining of embedding and hidden state before eh_proj",
  ehProj: "eh_proj of the MTP layer",
  sharedHeadNorm: "shared_head.norm of the MTP layer",
} as const;

/** The part that an operation plays. */
export type Role = keyof typeof ROLES;

/** One operation of a run. */
export interface Site {
  readonly role: Role;
  /** −1 outside the layers; the MTP layer has the number after the last one. */
  readonly layer: number;
  /** The run of the MTP layer: 0 for the one over the text. */
  readonly step: number;
}

/** A stage and the numbers of it. */
export type Shown = readonly [stage: string, value: Tensor | Indices];

const LAYER_STAGE: Partial<Record<Role, TraceStage>> = {
  inputNorm: "attn_norm",
  qANorm: "qr",
  qRope: "q_pe",
  kvANorm: "kv_cmpr",
  kRope: "k_pe",
  idxQJoin: "indexer_q",
  idxKJoin: "indexer_k",
  weightsProj: "indexer_weights",
  indexScores: "indexer_score",
  rows: "top_k",
  kUp: "q_nope_absorbed",
  oProj: "attn_out",
  attnAdd: "ffn_inp",
  postNorm: "ffn_norm",
  router: "ffn_moe_logits",
  experts: "ffn_moe_out",
  sharedDown: "ffn_shexp",
  down: "ffn_out",
  moeAdd: "ffn_out",
  ffnAdd: "l_out",
};

const DRAFT_STAGE: Partial<Record<Role, TraceStage>> = {
  enorm: "mtp_enorm",
  hnorm: "mtp_hnorm",
  ehProj: "mtp_eh_proj",
  sharedHeadNorm: "mtp_hidden",
  lmHead: "mtp_logits",
};

const MODEL_STAGE: Partial<Record<Role, TraceStage>> = {
  embed: "inp_embd",
  norm: "result_norm",
  lmHead: "logits",
};

/** Names of the parts of what `qSplit` and `route` give. */
interface Parts {
  readonly [part: string]: Tensor | Indices;
}

/**
 * The stages that show the result of a site: none, one, or two. The choice of a full layer is shown by
 * `rows`, as that of a shared layer is.
 *
 * @param isDraft whether the site is in the MTP layer
 */
export function shownBy({ role, layer, step }: Site, result: unknown, isDraft: boolean): Shown[] {
  const at = (stage: TraceStage | undefined, value = result, number = layer): Shown[] => {
    if (!stage) return [];
    return [[number < 0 ? stage : stageAt(stage, number), value as Tensor]];
  };
  if (layer < 0) return at(MODEL_STAGE[role]);
  if (isDraft && DRAFT_STAGE[role]) return at(DRAFT_STAGE[role], result, step);
  const drafted = isDraft && role === "rows" ? at("mtp_top_k", result, step) : [];
  if (step > 0) return drafted;
  if (role === "qSplit") return at("q_nope", (result as Tensor[])[0]);
  if (role === "route") {
    const { experts, weights } = result as Parts;
    return [...at("ffn_moe_topk", experts), ...at("ffn_moe_weights", weights)];
  }
  return [...at(LAYER_STAGE[role]), ...drafted];
}
