/**
 * Runs the model with the choices of a dump: its rows, its experts, and the tokens that its draft
 * steps go on with. After that the stages behind a choice can be compared, whatever the choice was.
 *
 * A dump has no draft tokens, but logits, and its format may have made the largest two equal. Then
 * each of them is tried, and the one stays whose next step is the nearest to the dump's.
 *
 * Next: judge.ts
 * @module
 */

import type { Indices } from "../../../engine/base/tensor.ts";
import type { Model, Ops } from "../../../engine/index.ts";
import type { Routing } from "../../../engine/ops/ops.ts";
import { isDraftStage, parseStage, stageAt } from "../../../engine/trace/stage-names.ts";
import type { CaseInfo, GoldenTensor } from "../case/case.ts";
import { type Expectation, traceCase } from "../case/expectation.ts";
import type { Dump } from "../dump/dump.ts";
import { distanceOf } from "./distance.ts";
import { draftTokens } from "./draft-tokens.ts";
import { weighExperts } from "./weigh-experts.ts";

/** A run with the dump's choices. */
export interface ForcedRun {
  /**
   * Every stage of the run. A choice is the model's own, made from the numbers that the dump's
   * earlier choices lead to.
   */
  readonly wanted: ReadonlyMap<string, GoldenTensor>;
  /** Stages whose choice was taken from the dump. */
  readonly forced: ReadonlySet<string>;
  /** Draft steps whose token was taken from the dump. */
  readonly drafted: ReadonlySet<number>;
}

/**
 * Runs a case with the choices of `dump`. Where the model cannot make a choice, such as one of rows
 * that do not exist, it makes its own.
 */
export function runForced(dump: Dump, { model, info }: Expectation): ForcedRun {
  const nSteps = info.mtpSteps ?? 0;
  const drafts = Array.from({ length: nSteps }, (_, step) =>
    draftTokens(dump.get(stageAt("mtp_logits", step)) ?? NOTHING, model.config.vocabSize),
  );
  const run = (): ForcedRun => runWith(dump, model, info, drafts);
  for (const [step, tokens] of drafts.entries()) {
    if (tokens.length < 2) continue;
    const off = tokens.map((token) => {
      drafts[step] = [token];
      return distanceAt(step + 1, dump, run().wanted);
    });
    drafts[step] = [tokens[off.indexOf(Math.min(...off))]];
  }
  return run();
}

const NOTHING = { data: new Float32Array() };

/** How far the first stage of a draft step that the dump has is from the run's; 0 when it has none. */
function distanceAt(step: number, dump: Dump, wanted: ForcedRun["wanted"]): number {
  for (const [name, { data }] of wanted) {
    const { stage, number } = parseStage(name);
    const got = dump.get(name);
    if (!got || !isDraftStage(stage) || number !== step || data instanceof Int32Array) continue;
    const { rms } = distanceOf(got.data, data, data.length);
    return Number.isNaN(rms) ? Number.POSITIVE_INFINITY : rms;
  }
  return 0;
}

/** Runs a case with the dump's choices, and with the first of the tokens of each draft step. */
function runWith(
  dump: Dump,
  model: Model,
  info: CaseInfo,
  drafts: readonly (readonly number[])[],
): ForcedRun {
  const own = new Map<string, Indices>();
  const forced = new Set<string>();
  // All tokens at once: ops are then called in the order of the layers.
  const ops = forcedOps(dump, model, drafts, { own, forced });
  const tensors = traceCase({ ...model, ops }, info, info.tokens.length);
  const stages = tensors.map(({ name, ...made }) => [name, own.get(name) ?? made] as const);
  const drafted = drafts.flatMap((tokens, step) => (tokens.length > 0 ? [step] : []));
  return { wanted: new Map(stages), forced, drafted: new Set(drafted) };
}

/** What a run tells of its choices. */
interface Seen {
  /** Is filled with what the model itself would have chosen. */
  readonly own: Map<string, Indices>;
  /** Is filled with the stages whose choices are the dump's. */
  readonly forced: Set<string>;
}

/** Which stages belong to the calls of the ops that choose. Calls are counted from 0. */
interface CallNames {
  /** The stages that show the choice of a call. The first of them that the dump has is forced. */
  readonly select: (call: number) => readonly string[];
  readonly attend: (call: number) => readonly string[];
  readonly route: (call: number) => readonly string[];
}

function callNames({ config, weights }: Model): CallNames {
  const n = config.numHiddenLayers;
  const mtp = (step: number): readonly string[] =>
    step === 0 ? [stageAt("top_k", n), stageAt("mtp_top_k", 0)] : [stageAt("mtp_top_k", step)];
  const numbersOf = (kinds: readonly string[], kind: string): number[] =>
    kinds.flatMap((k, l) => (k === kind ? [l] : []));
  const full = numbersOf(config.indexerTypes, "full");
  const sparse = numbersOf([...config.mlpLayerTypes, ...(weights.mtp ? ["sparse"] : [])], "sparse");
  return {
    select: (call) =>
      call < full.length ? [stageAt("top_k", full[call])] : mtp(call - full.length),
    attend: (call) => (call < n ? [stageAt("top_k", call)] : mtp(call - n)),
    // Experts of later draft steps are no stage.
    route: (call) => (call < sparse.length ? [stageAt("ffn_moe_topk", sparse[call])] : []),
  };
}

/** Ops that choose what the dump says. */
function forcedOps(
  dump: Dump,
  { ops, ...rest }: Model,
  drafts: readonly (readonly number[])[],
  { own, forced }: Seen,
): Ops {
  const names = callNames({ ops, ...rest });
  let [nSelect, nAttend, nRoute, nEmbed] = [0, 0, 0, 0];
  const choiceOf = <D extends Indices>(stages: readonly string[], like: D, n: number): D => {
    const stage = stages.find((name) => dump.has(name));
    const choice = stage === undefined ? undefined : usable(dump.get(stage), like, n);
    if (stage === undefined || !choice) return like;
    const isSame = (name: string): boolean =>
      String(dump.get(name)?.data) === String(dump.get(stage)?.data);
    for (const name of stages.filter(isSame)) forced.add(name);
    return { ...like, ...choice };
  };
  return {
    ...ops,
    embed: (tokens, table) => {
      // Calls 0 and 1 are the text, for the model and for the first step of the MTP layer.
      const [token] = drafts[nEmbed++ - 2] ?? [];
      return ops.embed(token === undefined ? tokens : Int32Array.of(token), table);
    },
    topK: (scores, k) => {
      const stages = names.select(nSelect++);
      const mine = ops.topK(scores, k);
      for (const stage of stages) own.set(stage, mine);
      return choiceOf(stages, mine, scores.shape[1]);
    },
    // A shared layer of the dump may have other rows than the layer it borrows from.
    latentAttention: (qLatent, qPe, past, topK, scale) => {
      const used = choiceOf(names.attend(nAttend++), topK, past.nS);
      return ops.latentAttention(qLatent, qPe, past, used, scale);
    },
    route: (logits, bias, rule) => {
      const stages = names.route(nRoute++);
      const routing = ops.route(logits, bias, rule);
      const experts = choiceOf(stages, routing.experts, logits.shape[1]);
      if (experts === routing.experts) return routing;
      for (const stage of stages) own.set(stage, routing.experts);
      return { experts, weights: weightsOf(experts, routing, weighExperts(logits, experts, rule)) };
    },
  };
}

/**
 * The weights of experts that were forced. Where the model has chosen the same, its own weights stay:
 * a model with a mistake may weigh otherwise.
 */
function weightsOf(
  experts: Routing["experts"],
  own: Routing,
  forced: Routing["weights"],
): Routing["weights"] {
  const [nRows, width] = experts.shape;
  if (own.experts.shape[1] !== width) return forced;
  const data = forced.data.slice();
  for (let at = 0; at < nRows * width; at += width) {
    const isSame = experts.data
      .subarray(at, at + width)
      .every((expert, i) => expert === own.experts.data[at + i]);
    if (isSame) data.set(own.weights.data.subarray(at, at + width), at);
  }
  return { ...forced, data };
}

/**
 * A choice of the dump in the form of the model's, with ascending rows that end in −1. Undefined where
 * a row is empty or names what does not exist.
 */
export function usable(
  choice: GoldenTensor | undefined,
  { shape: [nRows] }: Indices,
  n: number,
): Pick<Indices, "shape" | "data"> | undefined {
  if (!(choice?.data instanceof Int32Array)) return undefined;
  const width = choice.data.length / nRows;
  if (!Number.isInteger(width)) return undefined;
  const data = new Int32Array(choice.data.length).fill(-1);
  for (let at = 0; at < data.length; at += width) {
    const row = choice.data.slice(at, at + width).filter((s) => s >= 0);
    if (row.length === 0 || row.some((s) => s >= n)) return undefined;
    data.set(row.sort(), at);
  }
  return { shape: [nRows, width], data };
}
