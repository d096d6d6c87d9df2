/**
 * Runs the model with the choices of a dump: its rows, its experts, and the tokens that its draft
 * steps go on with. After that the stages behind a choice can be compared, whatever the choice was.
 *
 * Next: judge.ts
 * @module
 */

import type { Indices } from "../../../engine/base/tensor.ts";
import { argmax, type Model, type Ops } from "../../../engine/index.ts";
import { stageAt } from "../../../engine/trace/stage-names.ts";
import type { GoldenTensor } from "../case/case.ts";
import { type Expectation, traceCase } from "../case/expectation.ts";
import type { Dump } from "../dump/dump.ts";
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
}

/**
 * Runs a case with the choices of `dump`. Where the model cannot make a choice, such as one of rows
 * that do not exist, it makes its own.
 */
export function runForced(dump: Dump, { model, info }: Expectation): ForcedRun {
  const own = new Map<string, Indices>();
  const forced = new Set<string>();
  // All tokens at once: ops are then called in the order of the layers.
  const tensors = traceCase(
    { ...model, ops: forcedOps(dump, model, own, forced) },
    info,
    info.tokens.length,
  );
  const stages = tensors.map(({ name, ...made }) => [name, own.get(name) ?? made] as const);
  return { wanted: new Map(stages), forced };
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

/**
 * Ops that choose what the dump says.
 *
 * @param own    is filled with what the model itself would have chosen
 * @param forced is filled with the stages whose choices are the dump's
 */
function forcedOps(
  dump: Dump,
  { ops, ...rest }: Model,
  own: Map<string, Indices>,
  forced: Set<string>,
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
      const guess = dump.get(stageAt("mtp_logits", nEmbed++ - 2));
      const row = guess?.data.slice(-table.shape[0]);
      const isUsable = row?.length === table.shape[0] && row.every(Number.isFinite);
      return ops.embed(isUsable ? Int32Array.of(argmax(row as Float32Array)) : tokens, table);
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
      return { experts, weights: weighExperts(logits, experts, rule) };
    },
  };
}

/**
 * A choice of the dump in the form of the model's, with ascending rows that end in −1. Undefined where
 * a row is empty or names what does not exist.
 */
function usable(
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
