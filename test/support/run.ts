/**
 * Runs a model and keeps what every stage saw.
 * @module
 */
import type { Model } from "../../engine/model/model.ts";
import type { NamedTensor } from "../../engine/trace/recorder.ts";
import { type TraceOptions, trace } from "../../engine/trace/trace.ts";

/** What a run left: one tensor per stage, in the order in which the stages ran first. */
export type Trace = ReadonlyMap<string, NamedTensor>;

/** Every stage and the logits of `tokens`, run in prefill steps of `chunk`. */
export function runAll(
  model: Model,
  tokens: readonly number[],
  options: Omit<TraceOptions, "tokens"> = {},
): Trace {
  return new Map(trace(model, { tokens, ...options }).map((tensor) => [tensor.name, tensor]));
}

/** The numbers of one stage. */
export function stage(run: Trace, name: string): NamedTensor["data"] {
  const tensor = run.get(name);
  if (!tensor) throw new Error(`no stage ${name}; there are ${[...run.keys()].join(", ")}`);
  return tensor.data;
}
