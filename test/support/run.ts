/**
 * Runs a model and records every stage.
 * @module
 */
import type { Model } from "../../engine/model/model.ts";
import type { NamedTensor } from "../../engine/trace/recorder.ts";
import { type TraceOptions, trace } from "../../engine/trace/trace.ts";

/** The record of a run: one tensor for each stage, in the order in which the stages first ran. */
export type Trace = ReadonlyMap<string, NamedTensor>;

/** Runs `tokens`, and records every stage and the logits. */
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
