/**
 * Names of the tensors of a trace.
 *
 * A stage of a layer is called `<stage>-<layer>`, a stage of a draft step `<stage>-<step>`, and a
 * stage that a whole run has once is called by its bare name. engine/base/tap.ts lists the stages that the
 * model taps. A trace has three names more: `logits`, which is what it calls `result_output`, and
 * `mtp_logits` and `mtp_top_k`, which are the logits and the chosen rows of each draft step.
 * @module
 */
import type { Stage } from "../base/tap.ts";

/** A stage of a trace, without its number. */
export type TraceStage = Exclude<Stage, "result_output"> | "logits" | "mtp_logits" | "mtp_top_k";

/** A name taken apart. */
export interface StageName {
  /** Any word where the name is not one of a trace's. */
  readonly stage: string;
  /** The layer, or the draft step of a stage that {@link isDraftStage}; undefined where there is none. */
  readonly number: number | undefined;
}

/** Takes a name apart. */
export function parseStage(name: string): StageName {
  const found = /^(.+)-(\d+)$/.exec(name);
  return found ? { stage: found[1], number: Number(found[2]) } : { stage: name, number: undefined };
}

/** The name of a stage of a layer, or of a draft step. */
export const stageAt = (stage: TraceStage, number: number): string => `${stage}-${number}`;

/** Whether a stage is counted by draft steps instead of layers. */
export const isDraftStage = (stage: string): boolean => stage.startsWith("mtp_");

/** Whether a stage holds logits: one number for each token of the vocabulary. */
export const isLogits = (stage: string): boolean => stage === "logits" || stage === "mtp_logits";
