/**
 * Compares a run of this engine with a dump of the oracle, stage by stage.
 * @module
 */
import { ArgumentError } from "../../../engine/index.ts";
import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import type { GoldenTensor } from "../case/case.ts";
import { choiceScores, type RouterBias } from "../judge/choice-scores.ts";
import { distanceOf } from "../judge/distance.ts";
import { compareSelections, type SelectionReport } from "../judge/selections.ts";

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
  bias: RouterBias = () => undefined,
): RunReport {
  const made = new Map(recorded.map((tensor) => [tensor.name, tensor]));
  const missing: string[] = [];
  const stages: StageReport[] = [];
  const selections: (SelectionReport & { name: string })[] = [];
  for (const [name, want] of oracle) {
    const got = made.get(name);
    if (!got) {
      missing.push(name);
      continue;
    }
    if (String(got.shape) !== String(want.shape)) {
      throw new ArgumentError(name, `[${got.shape}], the oracle has [${want.shape}]`);
    }
    if (want.data instanceof Int32Array) {
      const known = choiceScores(name, made, oracle, bias);
      selections.push({ name, ...compareSelections(got, want, known?.scores, known?.bounds) });
    } else {
      const { largest, rms } = distanceOf(got.data, want.data, want.data.length);
      stages.push({ name, size: want.data.length, largest, rms });
    }
  }
  return { missing, stages, selections };
}
