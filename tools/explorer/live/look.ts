/**
 * Everything about one token, as the page draws it.
 *
 * Next: votes.ts
 * @module
 */
import { distribution, head, type Model, noTaps, topIds } from "../../../engine/index.ts";
import { exp } from "../../../engine/numbers/math.ts";
import { stageAt, type TraceStage } from "../../../engine/trace/stage-names.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { attentionWeights } from "../../eval/attention-mass.ts";
import type { LayerLook, LensLook, Look, RouterLook, StageGlance } from "../messages.ts";
import { routerBias } from "./facts.ts";
import type { Focus, Seen } from "./focus.ts";
import { tokenChance } from "./token-facts.ts";

/** How many of the likeliest tokens are shown: after the token, and in each layer of the lens. */
export const TOP = 20;
const LENS_TOP = 5;

/** How many of the first numbers of a stage are shown. */
const FIRST = 8;

/** A model that speaks. */
export interface Speaking {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** Ids before every text. */
  readonly textStart: readonly number[];
}

/** @param watch the token that the lens follows; the likeliest next one by default */
export function lookAt(
  { model, tokenizer }: Speaking,
  focus: Focus,
  watch: number | undefined,
): Omit<Look, "milliseconds"> {
  const logits = floatsOf(focus.stages, "logits");
  const p = logits && chances(logits, tokenizer);
  const top = p ? topIds(p, TOP) : [];
  const watched = watch ?? top.at(0);
  const lens = watched === undefined ? undefined : lensOf(model, tokenizer, focus, watched);
  const biases = Array.from(model.weights.layers, ({ ffn }) => routerBias(model.ops, ffn));
  const layers = biases.map((bias, layer): LayerLook => {
    const chosen = rowsIn(focus.stages, layer);
    const { query, past } = focus.attention[layer];
    return {
      ...layerOf(focus.stages, layer, bias),
      weights: chosen && flat(attentionWeights(query, past, chosen)),
      lens: lens?.[layer],
    };
  });
  return {
    t: focus.t,
    layers,
    watched,
    logits,
    top: p ? top.map((id) => tokenChance(tokenizer, id, p[id])) : [],
    stages: glances(focus.stages),
    ran: focus.ran,
  };
}

/** The parts of a layer that are stages, or follow from stages. */
export function layerOf(
  stages: ReadonlyMap<string, Seen>,
  layer: number,
  bias: Float32Array | undefined,
): LayerLook {
  const at = (stage: TraceStage): Float32Array | undefined =>
    floatsOf(stages, stageAt(stage, layer));
  const chosen = rowsIn(stages, layer);
  const scores = at("indexer_score");
  const isAll = chosen === undefined || chosen.length === scores?.length;
  return {
    layer,
    scores,
    threshold: scores && !isAll ? Math.min(...Array.from(chosen, (s) => scores[s])) : undefined,
    indexWeights: at("indexer_weights"),
    chosen,
    weights: undefined,
    latent: at("kv_cmpr"),
    rotaryKey: at("k_pe"),
    router: routerOf(stages, layer, bias),
    lens: undefined,
  };
}

function routerOf(
  stages: ReadonlyMap<string, Seen>,
  layer: number,
  bias: Float32Array | undefined,
): RouterLook | undefined {
  const logits = floatsOf(stages, stageAt("ffn_moe_logits", layer));
  const chosen = stages.get(stageAt("ffn_moe_topk", layer));
  const weights = floatsOf(stages, stageAt("ffn_moe_weights", layer));
  if (!logits || !chosen || !weights) return undefined;
  return {
    logits,
    scores: logits.map((x) => 1 / (1 + exp(-x))),
    bias,
    chosen: Int32Array.from(chosen.data),
    weights,
  };
}

/** What the last norm and the head make of the stream after each layer. */
function lensOf(model: Model, tokenizer: Tokenizer, focus: Focus, watched: number): LensLook[] {
  const { ops, config, weights } = model;
  return Array.from(weights.layers, (_, layer): LensLook => {
    const stream = focus.stages.get(stageAt("l_out", layer));
    const mark = ops.mark();
    try {
      const h = ops.tensor(["T", "hidden"], [1, config.hiddenSize], stream?.data ?? []);
      const normed = ops.rmsNorm(h, weights.norm, config.rmsNormEps);
      const p = chances(ops.read(head(model, normed, noTaps)), tokenizer);
      const rank =
        1 + p.reduce((n, x, id) => n + (isBefore(x, id, p[watched], watched) ? 1 : 0), 0);
      const top = topIds(p, LENS_TOP).map((id) => tokenChance(tokenizer, id, p[id]));
      return { rank, p: p[watched], top };
    } finally {
      ops.release(mark);
    }
  });
}

/** Whether a token stands before another one: it is likelier, or as likely and has the smaller id. */
function isBefore(p: number, id: number, than: number, thanId: number): boolean {
  return p > than || (p === than && id < thanId);
}

/** Probabilities at temperature 1; padding has none. */
export function chances(
  logits: Float32Array | Float64Array,
  tokenizer: Tokenizer | undefined,
): Float64Array {
  const vocabLimit = tokenizer?.vocabSize ?? logits.length;
  return distribution(logits, { temperature: 1, vocabLimit }, []);
}

/** The rows that a layer attends to, without the places of a short choice that name none. */
function rowsIn(stages: ReadonlyMap<string, Seen>, layer: number): Int32Array | undefined {
  const seen = stages.get(stageAt("top_k", layer));
  return seen && Int32Array.from(seen.data).filter((s) => s >= 0);
}

function floatsOf(stages: ReadonlyMap<string, Seen>, name: string): Float32Array | undefined {
  const seen = stages.get(name);
  return seen && Float32Array.from(seen.data);
}

/** Rows of equal length, one behind the other. */
export function flat(rows: readonly Float64Array[]): Float32Array {
  const out = new Float32Array(rows.reduce((n, row) => n + row.length, 0));
  let at = 0;
  for (const row of rows) {
    out.set(row, at);
    at += row.length;
  }
  return out;
}

/** A few numbers of each stage. */
export function glances(stages: ReadonlyMap<string, Seen>): StageGlance[] {
  return [...stages].map(([name, { dims, shape, data }]) => {
    const known = Array.from(data).filter(Number.isFinite);
    const squares = known.reduce((sum, x) => sum + x * x, 0);
    return {
      name,
      dims: dims.slice(1),
      shape: shape.slice(1),
      first: Array.from(data.subarray(0, FIRST)),
      least: known.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
      most: known.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
      rms: Math.sqrt(squares / Math.max(1, known.length)),
    };
  });
}
