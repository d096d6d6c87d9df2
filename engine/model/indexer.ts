/**
 * DeepSeek sparse attention: the lightning indexer decides which cached rows each query may see.
 *
 * It is a second, much smaller attention without values: `idxH` query heads of `idx` numbers meet
 * ONE key per position; what it makes of them is not a mixture but a ranking. The attention then
 * reads `indexTopk` rows, however long the context is.
 *
 * Below `indexTopk` cached rows every row is chosen, and a wrong indexer cannot be told from a
 * right one: test it with longer texts.
 *
 * Next: layer.ts again, for the layers that borrow
 * @see DeepSeek-V3.2-Exp report, eq. 1 · HF `GlmMoeDsaIndexer.forward`
 * @module
 */

import type { IndexCache } from "../kv/index-cache.ts";
import type { KeyRows } from "../ops/ops.ts";
import { type Indices, ShapeError, type Tensor } from "../tensor.ts";
import type { Step } from "./step.ts";
import type { IndexerWeights } from "./weights.ts";

/**
 * Eps of the key's LayerNorm. A constant of the architecture, in no config: HF, vLLM, SGLang and
 * Z.ai's trainer all write 1e-6.
 */
const K_NORM_EPS = 1e-6;

/** Scores that are held at a time, if there is more than one query: 4 MiB in f32. */
const SCORES_AT_ONCE = 2 ** 20;

/**
 * The rows each query may see: positions in ascending order, −1 where there are fewer than K.
 *
 * @param x     normed input of the attention block
 * @param qr    normed query latent of the attention
 * @param cache this layer's keys; the keys of `x` are appended here, also when nothing is dropped
 */
export function indexer(
  step: Step,
  w: IndexerWeights,
  x: Tensor<["T", "hidden"]>,
  qr: Tensor<["T", "qLora"]>,
  cache: IndexCache | undefined,
): Indices<["T", "K"]> {
  const { ops, cfg, start, rope, tap } = step;
  // Query heads. The rotary part stands FIRST here, unlike in the attention's own heads.
  const q = ops.splitHeads(ops.linear(qr, w.wqB), "idxH", cfg.indexNHeads, "rope+idxNope");
  const [qPe, qNope] = ops.splitEach(q, "rope", cfg.qkRopeHeadDim, "idxNope");
  const idxQ = tap("indexer_q", ops.joinEach(ops.ropeInterleaved(qPe, rope), qNope));

  // One key for all heads, cached after norm and rotation.
  const k = ops.layerNorm(ops.linear(x, w.wk), w.kNorm, w.kNormBias, K_NORM_EPS);
  const [kPe, kNope] = ops.split(k, "rope", cfg.qkRopeHeadDim, "idxNope");
  const idxK = tap("indexer_k", ops.join(ops.ropeInterleaved(kPe, rope), kNope));
  if (!cache) throw new ShapeError("a full layer needs a cache for its index keys");
  const past = cache.append(start, idxK);

  // Not passed through a softmax: a head may vote against a row.
  const idxW = tap("indexer_weights", ops.linear(x, w.weightsProj));
  const scale = 1 / Math.sqrt(cfg.indexNHeads * cfg.indexHeadDim);
  if (!tap.wants("indexer_score")) return choose(step, idxQ, past, idxW, scale);
  const scores = tap("indexer_score", ops.indexScores(idxQ, past, idxW, start, scale));
  return ops.topK(scores, cfg.indexTopk);
}

/**
 * The rows with the largest scores, without ever holding the scores of all queries.
 *
 * A row of scores is as long as the context. Only a tap wants to see all rows at once, so they are
 * made and selected from a few queries at a time.
 */
function choose(
  { ops, cfg, start }: Step,
  idxQ: Tensor<["T", "idxH", "rope+idxNope"]>,
  past: KeyRows<"rope+idxNope">,
  idxW: Tensor<["T", "idxH"]>,
  scale: number,
): Indices<["T", "K"]> {
  const [nT] = idxQ.shape;
  const nK = Math.min(cfg.indexTopk, past.nS);
  const atOnce = Math.max(1, Math.floor(SCORES_AT_ONCE / past.nS));
  const chosen = new Int32Array(nT * nK);
  for (let t = 0; t < nT; t += atOnce) {
    const end = Math.min(t + atOnce, nT);
    const [q, w] = [ops.slice(idxQ, t, end), ops.slice(idxW, t, end)];
    const mark = ops.mark();
    const rows = ops.topK(ops.indexScores(q, past, w, start + t, scale), cfg.indexTopk);
    chosen.set(rows.data, t * nK);
    ops.release(mark);
  }
  return { dims: ["T", "K"], shape: [nT, nK], data: chosen };
}
