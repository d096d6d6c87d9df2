/**
 * Runs a checkpoint over given tokens and records every stage: the engine's side of a comparison.
 * @module
 */
import { ArgumentError } from "../errors.ts";
import {
  argmax,
  head,
  LAYER_STAGES,
  MODEL_STAGES,
  type Model,
  MTP_STAGES,
  mtpStep,
  newDraftCache,
  noTaps,
  Session,
  type Stage,
  type Tensor,
} from "../index.ts";
import { type NamedTensor, Recorder } from "./recorder.ts";

/** What to run and what to keep of it. */
export interface TraceOptions {
  readonly tokens: readonly number[];
  /** Stages to keep; all when not given. `logits` is always kept. */
  readonly stages?: readonly string[];
  /** Layers to keep; all when not given. The MTP layer has the number after the last. */
  readonly layers?: readonly number[];
  /** Tokens per prefill step. Changes nothing in the result. */
  readonly chunk?: number;
  /** Steps of the MTP layer after its first one, which runs over all slots; none when not given. */
  readonly mtpSteps?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Names that `--stages` takes. */
export const STAGE_NAMES: readonly string[] = [
  ...LAYER_STAGES,
  ...MODEL_STAGES.filter((stage) => stage !== "result_output"),
  ...MTP_STAGES,
  "logits",
];

/**
 * The recorded tensors, in the order in which the stages ran.
 *
 * @throws {ArgumentError} for a stage or layer that does not exist, or an MTP run without the layer
 */
export function trace(model: Model, options: TraceOptions): NamedTensor[] {
  const { tokens, stages, layers, chunk = 64, mtpSteps } = options;
  const nLayers = model.config.numHiddenLayers;
  for (const stage of stages ?? []) {
    if (!STAGE_NAMES.includes(stage)) {
      throw new ArgumentError(`stage ${stage}`, `expected one of ${STAGE_NAMES.join(", ")}`);
    }
  }
  for (const layer of layers ?? []) {
    if (!(Number.isInteger(layer) && layer >= 0 && layer <= nLayers)) {
      throw new ArgumentError(`layer ${layer}`, `expected 0 … ${nLayers}`);
    }
  }

  const recorder = new Recorder(
    (stage, layer) =>
      stage === "result_output" ||
      ((stages?.includes(stage) ?? true) &&
        (layer === undefined || (layers?.includes(layer) ?? true))),
  );
  // The MTP layer starts from hidden states that the caller may not have asked for.
  const hidden = new Recorder((stage) => stage === "result_norm");
  const session = new Session(model, {
    chunk,
    taps: {
      model: (stage, value) => recorder.model(stage, hidden.model(stage, value)),
      layer: (l) => recorder.layer(l),
    },
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  session.appendAll(tokens);
  if (mtpSteps !== undefined) {
    traceMtp(model, tokens, hidden.tensors()[0], chunk, mtpSteps, recorder);
  }
  return recorder.tensors();
}

/** Step 0 over all slots, then single slots that each start from the last one's guess. */
function traceMtp(
  model: Model,
  tokens: readonly number[],
  result: NamedTensor,
  chunk: number,
  steps: number,
  recorder: Recorder,
): void {
  const { ops, config, weights } = model;
  const { mtp } = weights;
  if (!mtp) throw new ArgumentError("mtp-steps", "this checkpoint has no MTP layer");
  const nSlots = tokens.length - 1;
  if (nSlots < 1) throw new ArgumentError("mtp-steps", "needs two tokens at least");
  const [, nHidden] = result.shape;
  const [cache] = newDraftCache(ops, config).layers;

  const record = (step: number, hidden: Tensor<["T", "hidden"]>): Tensor<["T", "vocab"]> => {
    const logits = head(model, hidden, noTaps);
    recorder.add(`mtp_logits-${step}`, logits);
    return logits;
  };
  const n = config.numHiddenLayers;
  const tapOf = (step: number) =>
    recorder.named(n, (stage: Stage) => {
      if (stage.startsWith("mtp_")) return `${stage}-${step}`;
      return step === 0 ? `${stage}-${n}` : undefined;
    });

  let last: ReturnType<typeof mtpStep> | undefined;
  let logits: Tensor<["T", "vocab"]> | undefined;
  for (let from = 0; from < nSlots; from += chunk) {
    const to = Math.min(from + chunk, nSlots);
    const rows = ops.tensor(
      ["T", "hidden"],
      [to - from, nHidden],
      result.data.subarray(from * nHidden, to * nHidden),
    );
    const next = Int32Array.from(tokens.slice(from + 1, to + 1));
    last = mtpStep(model, mtp, next, rows, from, cache, undefined, tapOf(0));
    recorder.add("mtp_top_k-0", last.topK);
    logits = record(0, last.hidden);
  }
  if (!last || !logits) return;

  const lastRow = last.topK.shape[0] - 1;
  const nK = last.topK.shape[1];
  const frozen = {
    dims: ["T", "K"] as ["T", "K"],
    shape: [1, nK] as const,
    data: last.topK.data.slice(lastRow * nK),
  };
  let hidden = ops.slice(last.hidden, lastRow, lastRow + 1);
  for (let step = 1; step <= steps; step++) {
    const row = ops.read(logits).subarray(-config.vocabSize);
    const next = Int32Array.of(argmax(row));
    const shared = config.indexShareForMtpIteration ? frozen : undefined;
    const out = mtpStep(model, mtp, next, hidden, nSlots - 1 + step, cache, shared, tapOf(step));
    hidden = out.hidden;
    recorder.add(`mtp_top_k-${step}`, out.topK);
    logits = record(step, hidden);
  }
}
