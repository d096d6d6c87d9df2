/**
 * What a choice was made from: the scores of the candidates, and how far an engine's own scores may
 * be from them.
 *
 * Next: judge.ts
 * @module
 */
import { sigmoid } from "../../../engine/numbers/math.ts";
import type { GoldenTensor } from "../case/case.ts";
import { indexScoreBound, routerScoreBound } from "./selections.ts";

type Dump = ReadonlyMap<string, GoldenTensor>;

/** What a selection was made from, and how far our own version of it may be off. */
export function scoresOf(
  name: string,
  ours: Dump,
  oracle: Dump,
  bias: (layer: number) => ArrayLike<number> | undefined,
): { scores: GoldenTensor | undefined; bounds: Float64Array | undefined } {
  const nothing = { scores: undefined, bounds: undefined };
  const [stage, layerText] = name.split("-");
  const layer = Number(layerText);
  if (stage === "ffn_moe_topk") {
    const mine = ours.get(`ffn_moe_logits-${layer}`);
    const theirs = oracle.get(`ffn_moe_logits-${layer}`);
    const b = bias(layer);
    if (!mine || !theirs || !b) return nothing;
    const data = Float64Array.from(theirs.data, (x, i) => sigmoid(x) + b[i % b.length]);
    return { scores: { shape: theirs.shape, data }, bounds: routerScoreBound(mine, theirs) };
  }
  // Scores of the MTP layer's later steps are not recorded; those of its first are the last there are.
  if (stage === "mtp_top_k" && layer > 0) return nothing;
  // A shared layer's rows were chosen by the last full layer before it.
  let source = stage === "mtp_top_k" ? lastIndexer(oracle) : layer;
  while (source >= 0 && !oracle.has(`indexer_score-${source}`)) source--;
  const scores = oracle.get(`indexer_score-${source}`);
  const inputs = (dump: Dump) => ({
    q: dump.get(`indexer_q-${source}`),
    k: dump.get(`indexer_k-${source}`),
    w: dump.get(`indexer_weights-${source}`),
  });
  const a = inputs(ours);
  const b = inputs(oracle);
  if (!scores || !a.q || !a.k || !a.w || !b.q || !b.k || !b.w) return nothing;
  return {
    scores,
    bounds: indexScoreBound({ q: a.q, k: a.k, w: a.w }, { q: b.q, k: b.k, w: b.w }, scores),
  };
}

/** The last layer that has scores. */
function lastIndexer(dump: Dump): number {
  const layers = [...dump.keys()].filter((name) => name.startsWith("indexer_score-"));
  return Math.max(-1, ...layers.map((name) => Number(name.split("-")[1])));
}
