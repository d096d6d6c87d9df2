/**
 * Mistakes in the attention block that must not compile. `npx tsc -p tsconfig.node.json` checks
 * this file: if a wrong line compiles, its `@ts-expect-error` is an error. Nothing here is run.
 * @module
 */

import type { Stage, Tap } from "../../../engine/base/tap.ts";
import type { Indices, Tensor } from "../../../engine/base/tensor.ts";
import type { ModelConfig } from "../../../engine/config/model-config.ts";
import type { LatentCache } from "../../../engine/kv/latent-cache.ts";
import { attention } from "../../../engine/model/attention.ts";
import { indexer } from "../../../engine/model/indexer.ts";
import { mlp } from "../../../engine/model/mlp.ts";
import type { Step } from "../../../engine/model/step.ts";
import type {
  AttentionWeights,
  IndexerWeights,
  MlpWeights,
  MtpWeights,
} from "../../../engine/model/weights.ts";
import type { RopeTable } from "../../../engine/numbers/rope-table.ts";
import type { KeyRows, Ops } from "../../../engine/ops/ops.ts";

declare const ops: Ops;
declare const cfg: ModelConfig;
declare const w: AttentionWeights;
declare const iw: IndexerWeights;
declare const dense: MlpWeights<"ffn">;
declare const shared: MlpWeights<"shared">;
declare const mtp: MtpWeights;
declare const rope: RopeTable;
declare const tap: Tap;
declare const step: Step;
declare const latentCache: LatentCache;
declare const keys: KeyRows<"rope+idxNope">;
declare const x: Tensor<["T", "hidden"]>;
declare const qr: Tensor<["T", "qLora"]>;
declare const topK: Indices<["T", "K"]>;

// The right code compiles, so the errors below are only about the mistakes.
const q = ops.splitHeads(ops.linear(qr, w.qBProj), "H", cfg.numAttentionHeads, "nope+rope");
const [qNope, qPe] = ops.splitEach(q, "nope", cfg.qkNopeHeadDim, "rope");
const [latent, kPe] = ops.split(ops.linear(x, w.kvAProj), "kvLora", cfg.kvLoraRank, "rope");
const c = ops.rmsNorm(latent, w.kvANorm, cfg.latentNormEps);
const past = latentCache.append(Int32Array.of(0), c, kPe);
const qLatent = ops.perHead(qNope, w.kUp);
const oLatent = ops.latentAttention(qLatent, qPe, past, topK, 0.0625);
const o = ops.perHead(oLatent, w.vUp);
export const right: Tensor<["T", "hidden"]> = ops.linear(ops.joinHeads(o), w.oProj);
const idxQ = ops.splitHeads(ops.linear(qr, iw.wqB), "idxH", cfg.indexNHeads, "rope+idxNope");

// @ts-expect-error the hidden state has not gone through q_a_proj
ops.linear(x, w.qBProj);

// @ts-expect-error the gain of the other latent
ops.rmsNorm(latent, w.qANorm, cfg.latentNormEps);

// @ts-expect-error the attention's heads are nope first, rope last
ops.splitEach(q, "rope", cfg.qkRopeHeadDim, "nope");

// @ts-expect-error the indexer's heads are rope first, nope last (G15)
ops.splitEach(idxQ, "idxNope", 64, "rope");

// @ts-expect-error the part without positions is not rotated
ops.ropeInterleaved(qNope, rope);

// @ts-expect-error the rotary part is not absorbed
ops.perHead(qPe, w.kUp);

// @ts-expect-error the value projection meets the latent sum, not the query
ops.perHead(qNope, w.vUp);

// @ts-expect-error queries that were not moved into the latent space
ops.latentAttention(qNope, qPe, past, topK, 0.0625);

// @ts-expect-error rotary and latent queries changed places
ops.latentAttention(qPe, qLatent, past, topK, 0.0625);

// @ts-expect-error the latent sum has not been turned into values
ops.linear(ops.joinHeads(oLatent), w.oProj);

// @ts-expect-error the heads have not been joined
ops.linear(o, w.oProj);

// @ts-expect-error rotary key and latent changed places in the cache
latentCache.append(0, kPe, c);

// @ts-expect-error positions are not activations
ops.rmsNorm(topK, w.kvANorm, cfg.latentNormEps);

// @ts-expect-error the attention's own query is not the indexer's
ops.indexScores(q, keys, x, 0, 1);

// @ts-expect-error the indexer reads the query latent, not the hidden state
indexer(step, iw, x, x, undefined);

// @ts-expect-error hidden state and query latent changed places
attention(step, w, qr, x, latentCache, topK);

// @ts-expect-error gate of a dense block, up of a shared expert
mlp<"ffn">(ops, { gate: dense.gate, up: shared.up, down: dense.down }, x);

// @ts-expect-error eh_proj takes embedding and hidden state, joined
ops.linear(ops.join(x, qr), mtp.ehProj);

// @ts-expect-error a stage that does not exist
export const typo: Stage = "attn_nrom";
