/**
 * One run of this engine against one dump of the oracle, stage by stage.
 * @module
 */
import { ArgumentError } from "../../../engine/index.ts";
import { sigmoid } from "../../../engine/numbers/math.ts";
import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import type { GoldenTensor } from "../case/case.ts";
import {
  compareSelections,
  indexScoreBound,
  routerScoreBound,
  type SelectionReport,
} from "./selections.ts";

/** How the numbers of one stage compare. Everything is relative to the stage's largest magnitude. */
export interface StageReport {
  readonly name: string;
  readonly size: number;
  readonly largest: number;
  readonly rms: number;
}

/** How two runs compare. */
export interface RunReport {
  /** Stages of the oracle that this engine has not recorded. */
  readonly missing: readonly string[];
  readonly stages: readonly StageReport[];
  readonly selections: readonly (SelectionReport & { readonly name: string })[];
}

/**
 * Compares every tensor of `oracle` with the recorded one of that name.
 *
 * @param bias router biases by layer, needed to explain router differences
 * @throws {ArgumentError} when a shape differs
 */
export function compareRun(
  recorded: readonly NamedTensor[],
  oracle: ReadonlyMap<string, GoldenTensor>,
  bias: (layer: number) => ArrayLike<number> | undefined = () => undefined,
): RunReport {
  const ours = new Map(recorded.map((tensor) => [tensor.name, tensor]));
  const missing: string[] = [];
  const stages: StageReport[] = [];
  const selections: (SelectionReport & { name: string })[] = [];
  for (const [name, want] of oracle) {
    const got = ours.get(name);
    if (!got) {
      missing.push(name);
      continue;
    }
    if (String(got.shape) !== String(want.shape)) {
      throw new ArgumentError(name, `[${got.shape}], the oracle has [${want.shape}]`);
    }
    if (want.data instanceof Int32Array) {
      const { scores, bounds } = scoresOf(name, ours, oracle, bias);
      selections.push({ name, ...compareSelections(got, want, scores, bounds) });
    } else stages.push({ name, size: want.data.length, ...distance(got, want) });
  }
  return { missing, stages, selections };
}

/** Largest and root-mean-square difference. Equal infinities (masked scores) do not differ. */
function distance(got: GoldenTensor, want: GoldenTensor): Pick<StageReport, "largest" | "rms"> {
  let magnitude = 0;
  let largest = 0;
  let sumSq = 0;
  for (let i = 0; i < want.data.length; i++) {
    if (got.data[i] === want.data[i]) {
      if (Number.isFinite(want.data[i])) magnitude = Math.max(magnitude, Math.abs(want.data[i]));
      continue;
    }
    const d = Math.abs(got.data[i] - want.data[i]);
    if (Number.isNaN(d)) return { largest: Number.NaN, rms: Number.NaN };
    magnitude = Math.max(magnitude, Math.abs(want.data[i]));
    largest = Math.max(largest, d);
    sumSq += d * d;
  }
  const unit = magnitude || 1;
  return { largest: largest / unit, rms: Math.sqrt(sumSq / want.data.length) / unit };
}

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
