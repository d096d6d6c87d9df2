/**
 * What a right engine gives on a case, and how far rounding may take it from that.
 *
 * The numbers are those of HF transformers in float64. A case does not hold every stage. The others
 * come from a float64 run of this engine, which agrees with HF to 1e-9 of each stage (docs/sweep.md).
 *
 * Next: envelope-file.ts, bounds.ts
 * @module
 */
import { join } from "node:path";
import { type Model, referenceOps } from "../../../engine/index.ts";
import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { type Bounds, boundsOf } from "./bounds.ts";
import { type CaseInfo, type GoldenTensor, openCase, readCase, readDump } from "./case.ts";
import { type Envelope, readEnvelope } from "./envelope-file.ts";
import { routerBias } from "./router-bias.ts";

/** A case, ready to judge dumps. */
export interface Expectation {
  readonly info: CaseInfo;
  readonly model: Model;
  /** In the order in which the model makes them. */
  readonly stages: ReadonlyMap<string, GoldenTensor>;
  /** The stages whose numbers are HF transformers'. */
  readonly inCase: ReadonlySet<string>;
  /** Biases of a layer's router. */
  bias(layer: number): ArrayLike<number> | undefined;
  readonly bound: Bounds;
  /** What {@link bound} comes from; it says which choices rounding can turn, too. */
  readonly envelope: Envelope;
}

/** Runs a case's model as the case was made. */
export function traceCase(
  model: Model,
  info: CaseInfo,
  chunk = 64,
  onProgress: (done: number, total: number) => void = () => {},
): NamedTensor[] {
  const { tokens, mtpSteps } = info;
  const options = { tokens, chunk, ...(mtpSteps !== undefined && { mtpSteps }) };
  return trace(model, options, onProgress);
}

/** Reads a case and runs it in float64. */
export async function expectation(
  dir: string,
  onProgress?: (done: number, total: number) => void,
): Promise<Expectation> {
  const info = await readCase(dir);
  const envelope = await readEnvelope(dir);
  const model = await openCase(dir, info, referenceOps("f64"));
  const golden = await readDump(join(dir, "f64.safetensors"));
  const stages = new Map<string, GoldenTensor>();
  for (const tensor of traceCase(model, info, undefined, onProgress)) {
    stages.set(tensor.name, golden.get(tensor.name) ?? tensor);
  }
  return {
    info,
    model,
    stages,
    inCase: new Set(golden.keys()),
    bias: (layer) => routerBias(model.weights, layer),
    bound: boundsOf(envelope),
    envelope,
  };
}
