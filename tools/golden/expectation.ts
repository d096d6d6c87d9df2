/**
 * What a right engine gives on a case, and how far rounding may take it from that.
 *
 * The numbers are HF transformers' in float64; stages that the case does not hold are filled in
 * from this engine's float64 run, which agrees with HF to 1e-9 of each stage (test/golden/SWEEP.md).
 * How far rounding goes is measured: the error of two float32 runs, HF's and ours, stage by stage,
 * times the ratio of the number formats' units.
 * @module
 */
import { join } from "node:path";
import { type Model, referenceOps } from "../../engine/index.ts";
import { floatsOf } from "../../engine/ops/reference/memory.ts";
import type { NamedTensor } from "../recorder.ts";
import { trace } from "../trace.ts";
import { type CaseInfo, type GoldenTensor, openCase, readCase, readDump } from "./case.ts";
import { compareRun } from "./compare.ts";

/** Arithmetic of the engine that made a dump. */
export const ARITHMETICS = ["f64", "f32", "f16", "bf16"] as const;

/** One of {@link ARITHMETICS}. */
export type Arithmetic = (typeof ARITHMETICS)[number];

/** One rounding, relative. f64: not 2^-53, since engines keep f32 constants in f64 runs. */
const UNIT: Readonly<Record<Arithmetic, number>> = {
  f64: 2 ** -40,
  f32: 2 ** -24,
  f16: 2 ** -11,
  bf16: 2 ** -8,
};

/** Another order of sums may have errors this much larger: over all numbers, and at worst. */
const RMS_ROOM = 4;
const WORST_ROOM = 8;

/** Shares of a stage's largest magnitude. */
export interface Bound {
  readonly rms: number;
  readonly largest: number;
}

/** A case, ready to judge dumps. */
export interface Expectation {
  readonly info: CaseInfo;
  readonly model: Model;
  /** In the order in which the model makes them. */
  readonly stages: ReadonlyMap<string, GoldenTensor>;
  /** Stages that the case holds; the others are this engine's. */
  readonly inCase: ReadonlySet<string>;
  /** Biases of a layer's router. */
  bias(layer: number): ArrayLike<number> | undefined;
  bound(stage: string, arithmetic: Arithmetic): Bound;
}

/** Runs a case's model as the case was made. */
export function traceCase(model: Model, info: CaseInfo, chunk = 64): NamedTensor[] {
  const { tokens, mtpSteps } = info;
  return trace(model, { tokens, chunk, ...(mtpSteps !== undefined && { mtpSteps }) });
}

/**
 * Reads a case and runs it in both precisions.
 *
 * @param runs whose float32 errors make the bound; `theirs`, HF's alone, is for judging this engine
 */
export async function expectation(
  dir: string,
  runs: "both" | "theirs" = "both",
): Promise<Expectation> {
  const info = await readCase(dir);
  const model = await openCase(dir, info, referenceOps("f64"));
  const golden = await readDump(join(dir, "f64.safetensors"));
  const stages = new Map<string, GoldenTensor>();
  for (const tensor of traceCase(model, info)) {
    stages.set(tensor.name, golden.get(tensor.name) ?? tensor);
  }

  const ours = traceCase(await openCase(dir, info, referenceOps("f32")), info);
  const theirs = [...(await readDump(join(dir, "f32.safetensors")))];
  const f32 = [...ours, ...theirs.map(([name, tensor]) => ({ name, ...tensor }))];
  const error = new Map<string, Bound>();
  const measured = [
    f32.slice(ours.length),
    ...(runs === "both" ? [f32.slice(0, ours.length)] : []),
  ];
  for (const run of measured) {
    const seen = new Set(run.map(({ name }) => name));
    const both = new Map([...stages].filter(([name]) => seen.has(name)));
    for (const { name, rms, largest } of compareRun(run, both).stages) {
      const other = error.get(name) ?? { rms: 0, largest: 0 };
      error.set(name, {
        rms: Math.max(rms, other.rms),
        largest: Math.max(largest, other.largest),
      });
    }
  }
  // For stages that only a mutant has.
  const all = [...error.values()];
  const worst = {
    rms: Math.max(...all.map((bound) => bound.rms)),
    largest: Math.max(...all.map((bound) => bound.largest)),
  };
  return {
    info,
    model,
    stages,
    inCase: new Set(golden.keys()),
    bias: (layer) => {
      const { layers, mtp } = model.weights;
      const ffn = (layer < layers.length ? layers[layer] : mtp?.layer)?.ffn;
      return ffn?.kind === "sparse" ? floatsOf(ffn.eScoreCorrectionBias) : undefined;
    },
    bound: (stage, arithmetic) => {
      const unit = UNIT[arithmetic];
      const { rms, largest } = error.get(stage) ?? worst;
      const ratio = unit / UNIT.f32;
      return {
        rms: RMS_ROOM * Math.max(unit / 2, rms * ratio),
        largest: WORST_ROOM * Math.max(unit / 2, largest * ratio),
      };
    },
  };
}
