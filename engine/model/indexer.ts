/**
 * The lightning indexer of DeepSeek sparse attention: it selects the cached rows that each query
 * may see.
 *
 * It is like a second, much smaller attention, but without values: `idxH` query heads of `idx`
 * numbers are multiplied with ONE key for each position, and the results are scores, by which rows
 * are ranked. The attention then reads only the best `indexTopk` rows, however long the context is.
 *
 * While there are at most `indexTopk` cached rows, all are selected, and a wrong indexer gives the
 * same result as a right one. Test it with longer texts.
 *
 * Next: layer.ts again, for the layers that reuse a selection; then ../kv/README.md
 * @see DeepSeek-V3.2-Exp report, eq. 1 · HF `GlmMoeDsaIndexer.forward`
 * @module
 */

import { type Indices, ShapeError, type Tensor } from "../base/tensor.ts";
import type { IndexStore, KeysInSight } from "../kv/step-cache.ts";
import { NO_ROW } from "../ops/no-row.ts";
import type { Step } from "./step.ts";
import type { IndexerWeights } from "./weights.ts";

/**
 * Epsilon of the key's LayerNorm. It is a constant of the architecture and stands in no config: HF,
 * vLLM, SGLang and Z.ai's trainer all write 1e-6.
 */
const K_NORM_EPS = 1e-6;

/** At most this many scores are in memory at a time, except for a single query: 4 MiB in f32. */
const SCORES_AT_ONCE = 2 ** 20;

/**
 * Selects the rows that each query may see: positions in ascending order, filled up with −1 where
 * there are fewer than K.
 *
 * @param x     input of the attention block, after its norm
 * @param qr    query latent of the attention, after its norm
 * @param cache index keys of this layer; the keys of `x` are always appended to it
 */
export function indexer(
  step: Step,
  w: IndexerWeights,
  x: Tensor<["T", "hidden"]>,
  qr: Tensor<["T", "qLora"]>,
  cache: IndexStore | undefined,
): Indices<["T", "K"]> {
  const { ops, cfg, positions, rope, tap } = step;
  // Query heads. Here the rotary part comes FIRST, unlike in the heads of the attention.
  const q = ops.splitHeads(ops.linear(qr, w.wqB), "idxH", cfg.indexNHeads, "rope+idxNope");
  const [qPe, qNope] = ops.splitEach(q, "rope", cfg.qkRopeHeadDim, "idxNope");
  const idxQ = tap("indexer_q", ops.joinEach(ops.ropeInterleaved(qPe, rope), qNope));

  // One key for all heads, cached after norm and rotation.
  const k = ops.layerNorm(ops.linear(x, w.wk), w.kNorm, w.kNormBias, K_NORM_EPS);
  const [kPe, kNope] = ops.split(k, "rope", cfg.qkRopeHeadDim, "idxNope");
  const idxK = tap("indexer_k", ops.join(ops.ropeInterleaved(kPe, rope), kNope));
  if (!cache) throw new ShapeError("a full layer needs a cache for its index keys");
  const past = cache.append(positions, idxK);

  // There is no softmax, so a weight may be negative: a head can vote against a row.
  const idxW = tap("indexer_weights", ops.linear(x, w.weightsProj));
  const scale = 1 / Math.sqrt(cfg.indexNHeads * cfg.indexHeadDim);
  if (!tap.wants("indexer_score")) return choose(step, idxQ, past, idxW, scale);
  const [{ keys, start }] = past;
  const scores = tap("indexer_score", ops.indexScores(idxQ, keys, idxW, start, scale));
  return ops.topK(scores, cfg.indexTopk);
}

/**
 * Selects the rows with the largest scores, without the scores of all queries in memory at once:
 * each query has as many scores as the context has positions. So the queries are taken a few at a
 * time, which is possible when no tap wants to see all scores.
 */
function choose(
  { ops, cfg }: Step,
  idxQ: Tensor<["T", "idxH", "rope+idxNope"]>,
  past: readonly KeysInSight[],
  idxW: Tensor<["T", "idxH"]>,
  scale: number,
): Indices<["T", "K"]> {
  const [nT] = idxQ.shape;
  const nK = Math.min(cfg.indexTopk, Math.max(...past.map(({ keys }) => keys.nS)));
  const chosen = new Int32Array(nT * nK).fill(NO_ROW);
  for (const { from, to, start, keys } of past) {
    const atOnce = Math.max(1, Math.floor(SCORES_AT_ONCE / keys.nS));
    for (let t = from; t < to; t += atOnce) {
      const end = Math.min(t + atOnce, to);
      const [q, w] = [ops.slice(idxQ, t, end), ops.slice(idxW, t, end)];
      const mark = ops.mark();
      const rows = ops.topK(ops.indexScores(q, keys, w, start + t - from, scale), cfg.indexTopk);
      const [nQueries, width] = rows.shape;
      for (let i = 0; i < nQueries; i++) {
        chosen.set(rows.data.subarray(i * width, (i + 1) * width), (t + i) * nK);
      }
      ops.release(mark);
    }
  }
  return { dims: ["T", "K"], shape: [nT, nK], data: chosen };
}
