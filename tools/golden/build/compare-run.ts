/**
 * One run of this engine against one dump of the oracle, stage by stage.
 * @module
 */
import { ArgumentError } from "../../../engine/index.ts";
import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import type { GoldenTensor } from "../case/case.ts";
import { scoresOf } from "../judge/choice-scores.ts";
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
