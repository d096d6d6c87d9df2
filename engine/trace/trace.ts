/**
 * Runs a model over given tokens and records every stage, so that another engine can be compared
 * with this one.
 * @module
 */
import { ArgumentError } from "../base/errors.ts";
import {
  bothTaps,
  LAYER_STAGES,
  MODEL_STAGES,
  MTP_STAGES,
  newTap,
  noTaps,
  type Stage,
  type Tap,
  type Taps,
} from "../base/tap.ts";
import type { Indices, Tensor } from "../base/tensor.ts";
import { checkTokens } from "../generate/check-tokens.ts";
import { DraftHead, mtpOf } from "../generate/draft-head.ts";
import { argmax } from "../generate/sampler.ts";
import { Session } from "../generate/session.ts";
import { head, type Model } from "../model/model.ts";
import { type NamedTensor, Recorder, type Wanted } from "./recorder.ts";

/** The default number of tokens of a prefill step, where weights are in memory. */
const CHUNK = 64;

/** Tokens of a prefill step: all of them, where each step reads the weights anew. */
function chunkOf({ weights }: Model, { tokens, chunk }: TraceOptions): number {
  return chunk ?? (weights.layers.isStreamed ? tokens.length : CHUNK);
}

/** What to run, and which stages to record. */
export interface TraceOptions {
  /** The tokens to run. */
  readonly tokens: readonly number[];
  /** Stages to record; by default all. `logits` is always recorded. */
  readonly stages?: readonly string[];
  /** Layers to record; by default all. The MTP layer has the number after the last one. */
  readonly layers?: readonly number[];
  /** Tokens of a prefill step; 64 by default, all where weights are streamed. It changes no result. */
  readonly chunk?: number;
  /**
   * When given, the MTP layer runs over the whole text too, and then this many further steps, each
   * of which guesses one more token.
   */
  readonly mtpSteps?: number;
}

/** The names that {@link TraceOptions.stages} can have. */
export const STAGE_NAMES: readonly string[] = [
  ...LAYER_STAGES,
  ...MODEL_STAGES.filter((stage) => stage !== "result_output"),
  ...MTP_STAGES,
  "logits",
];

/** How far a trace is. */
export interface TraceProgress {
  /** Number of positions that were run. */
  readonly done: number;
  /** Number of positions to run. */
  readonly total: number;
}

/**
 * Runs the tokens and returns the recorded tensors, in the order in which the stages ran.
 *
 * @throws {ArgumentError} when a stage or layer does not exist, or `mtpSteps` is given for a model
 *   without an MTP layer
 */
export function trace(
  model: Model,
  options: TraceOptions,
  onProgress: (done: number, total: number) => void = () => {},
): NamedTensor[] {
  const steps = traceSteps(model, options);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    onProgress(step.value.done, step.value.total);
  }
}

/**
 * Like {@link trace}, but pauses after each prefill step, so that the caller can do other work or
 * stop.
 *
 * @returns a generator; its return value is that of {@link trace}
 */
export function* traceSteps(
  model: Model,
  options: TraceOptions,
): Generator<TraceProgress, NamedTensor[]> {
  checkTrace(model, options);
  const { stages, layers, mtpSteps } = options;
  const wanted: Wanted = (stage, layer) =>
    stage === "result_output" ||
    ((stages?.includes(stage) ?? true) &&
      (layer === undefined || (layers?.includes(layer) ?? true)));
  const recorder = new Recorder(wanted);
  if (mtpSteps === undefined) {
    yield* run(model, options, recorder);
    return recorder.tensors();
  }
  // The MTP layer needs the final hidden states, which the caller may not want to record.
  const hidden = new Recorder((stage) => stage === "result_norm");
  yield* run(model, options, {
    model: bothTaps(recorder.model, hidden.model),
    layer: (l) => recorder.layer(l),
  });
  runMtp(model, options, hidden.tensors()[0], recorder, wanted);
  return recorder.tensors();
}

/** Checks all options before anything runs. */
function checkTrace(model: Model, { tokens, stages, layers, mtpSteps }: TraceOptions): void {
  const nLayers = model.config.numHiddenLayers;
  for (const stage of stages ?? []) {
    if (STAGE_NAMES.includes(stage)) continue;
    throw new ArgumentError(`stage ${stage}`, `expected one of ${STAGE_NAMES.join(", ")}`);
  }
  for (const layer of layers ?? []) {
    if (Number.isInteger(layer) && layer >= 0 && layer <= nLayers) continue;
    throw new ArgumentError(`layer ${layer}`, `expected 0 … ${nLayers}`);
  }
  const most = model.config.maxPositionEmbeddings;
  checkTokens(tokens, 0, { maxContext: most, room: most }, model.config);
  if (mtpSteps === undefined) return;
  mtpOf(model.weights, "mtp-steps");
  if (tokens.length < 2) throw new ArgumentError("mtp-steps", "needs two tokens at least");
}

/** Runs the tokens through the main model, one prefill step at a time. */
function* run(model: Model, options: TraceOptions, taps: Taps): Generator<TraceProgress, void> {
  const { tokens } = options;
  const chunk = chunkOf(model, options);
  const session = new Session(model, { taps, chunk });
  try {
    do {
      const from = session.tokens.length;
      session.appendAll(tokens.slice(from, from + chunk));
      yield { done: session.tokens.length, total: tokens.length };
    } while (session.tokens.length < tokens.length);
  } finally {
    session.close();
  }
}

/**
 * Runs the MTP layer over the text, and then `mtpSteps` times more, each time after the likeliest
 * token of the run before.
 *
 * The stages that only the MTP layer has are named `<stage>-<run>`; run 0 is the one over the text.
 * In run 0, its other stages are recorded too, like those of a main layer.
 *
 * @param result the final hidden states of the main model
 */
function runMtp(
  model: Model,
  options: TraceOptions,
  result: NamedTensor,
  recorder: Recorder,
  wanted: Wanted,
): void {
  const { ops, config } = model;
  const { tokens, mtpSteps = 0 } = options;
  const chunk = chunkOf(model, options);
  const nLayers = config.numHiddenLayers;
  const ofLayer = recorder.layer(nLayers);
  let topK: Indices | undefined;
  const tapOf = (guess: number): Tap =>
    newTap(
      (stage: Stage, value: Tensor | Indices) => {
        if (guess === 0 && !isMtpStage(stage)) ofLayer(stage, value);
        if (isMtpStage(stage) && wanted(stage, nLayers)) recorder.add(`${stage}-${guess}`, value);
        if (stage === "top_k") topK = { ...value, data: value.data.slice() } as Indices;
        if (stage === "mtp_hidden" && topK) {
          recorder.add(`mtp_top_k-${guess}`, topK);
          const logits = head(model, value as Tensor<["T", "hidden"]>, noTaps);
          recorder.add(`mtp_logits-${guess}`, logits);
        }
      },
      (stage) => stage === "top_k" || stage === "mtp_hidden" || wanted(stage, nLayers),
    );

  const draft = new DraftHead(model, {}, tapOf);
  const nSlots = tokens.length - 1;
  const [, nHidden] = result.shape;
  const mark = ops.mark();
  for (let from = 0; from < nSlots; from += chunk) {
    const to = Math.min(from + chunk, nSlots);
    const rows = result.data.subarray(from * nHidden, to * nHidden);
    const hidden = ops.tensor(["T", "hidden"], [to - from, nHidden], rows);
    draft.observe(from, Int32Array.from(tokens.slice(from, to)), hidden);
    ops.release(mark);
  }
  draft.propose(tokens[nSlots], 1 + mtpSteps, argmax);
  draft.close();
}

/** Whether only the MTP layer has this stage. */
function isMtpStage(stage: Stage): boolean {
  return (MTP_STAGES as readonly Stage[]).includes(stage);
}
