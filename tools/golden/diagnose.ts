/**
 * Which known mistake an engine made: the mutants are run on the same case, and the dump is held
 * against each of them from the first wrong stage on.
 * @module
 */
import { referenceOps } from "../../engine/index.ts";
import type { Model } from "../../engine/model/model.ts";
import { trace } from "../trace.ts";
import { type CaseInfo, openCase, readCase } from "./case.ts";
import { agreement, type CheckReport, type Format, type OpenCase } from "./check.ts";
import type { Dump } from "./compare.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { MUTANTS } from "./mutants.ts";

/** What a mutant makes of a case. */
export interface MutantRun {
  /** One mistake, or two at once. */
  readonly mutants: readonly Mutant[];
  readonly dump: Dump;
}

/** How well a mutant explains a dump. */
export interface Suspect {
  readonly mutants: readonly Pick<Mutant, "id" | "what">[];
  /** Stages that the dump and the mutant share, from the first wrong one on, and how many agree. */
  readonly stages: number;
  readonly agree: number;
  /** Error at the first wrong stage (NMSE; of a selection: the share of differing rows). */
  readonly errorAgainstMutant: number;
  readonly errorAgainstModel: number;
}

/** What the diagnosis says. */
export interface Diagnosis {
  /** Undefined when nothing is wrong. */
  readonly stage: string | undefined;
  /** Best first. Empty: no known mistake. Several with equal figures cannot be told apart here. */
  readonly suspects: readonly Suspect[];
}

/** How many mistakes are tried together with all others, when none explains the dump alone. */
const PARTNERS = 3;

/** Says how far the runs have come. */
export type OnRun = (done: number, all: number) => void;

/** Every mutant on a case. Those that a config like this one cannot have are left out. */
export async function runMutants(dir: string, onRun: OnRun = () => {}): Promise<MutantRun[]> {
  const info = await readCase(dir);
  const runs: MutantRun[] = [];
  for (const [i, mutant] of MUTANTS.entries()) {
    const dump = mutated(await openCase(dir, info, referenceOps("f32")), info, [mutant]);
    if (dump) runs.push({ mutants: [mutant], dump });
    onRun(i + 1, MUTANTS.length);
  }
  return runs;
}

/**
 * Pairs of mistakes: those that explain the beginning of `dump` best, each with every other one that
 * lets the first wrong stage be.
 */
async function runPairs(
  dir: string,
  golden: OpenCase,
  dump: Dump,
  report: CheckReport,
  runs: readonly MutantRun[],
  onRun: OnRun = () => {},
): Promise<MutantRun[]> {
  const stage = report.stages.at(-1)?.name ?? "";
  const begins = runs
    .map((run) => ({ run, length: prefix(golden, dump, run.dump, stage, report.format) }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => b.length - a.length)
    .slice(0, PARTNERS);
  const info = await readCase(dir);
  const pairs: MutantRun[] = [];
  let done = 0;
  for (const { run } of begins) {
    for (const other of MUTANTS) {
      onRun(++done, begins.length * MUTANTS.length);
      const mutants = [...run.mutants, other];
      if (run.mutants.includes(other)) continue;
      const both = mutated(await openCase(dir, info, referenceOps("f32")), info, mutants);
      if (both) pairs.push({ mutants, dump: both });
    }
  }
  return pairs;
}

/** Tries every mistake alone, and in pairs when none fits. */
export async function findMistakes(
  dir: string,
  golden: OpenCase,
  dump: Dump,
  report: CheckReport,
  onRun?: OnRun,
): Promise<Diagnosis> {
  if (report.verdict !== "differs") return { stage: undefined, suspects: [] };
  const runs = await runMutants(dir, onRun);
  const alone = diagnose(golden, dump, report, runs);
  if (alone.suspects.length > 0) return alone;
  return diagnose(golden, dump, report, await runPairs(dir, golden, dump, report, runs, onRun));
}

/** Ranks the runs by how much of the dump they explain. */
export function diagnose(
  golden: OpenCase,
  dump: Dump,
  report: CheckReport,
  runs: readonly MutantRun[],
): Diagnosis {
  if (report.verdict !== "differs") return { stage: undefined, suspects: [] };
  const stage = report.stages.at(-1)?.name ?? "";
  const found = runs
    .map((run) => suspect(golden, dump, run, stage, report.format))
    .filter(({ agree, stages }) => stages > 0 && agree === stages)
    .sort(
      (a, b) => a.errorAgainstMutant - b.errorAgainstMutant || a.mutants.length - b.mutants.length,
    );
  return { stage, suspects: found };
}

function suspect(
  golden: OpenCase,
  dump: Dump,
  { mutants, dump: mutant }: MutantRun,
  stage: string,
  format: Format,
): Suspect {
  const shared = from(golden, dump, stage).filter((name) => mutant.has(name));
  const verdicts = shared.map((name) => agreement(golden, name, dump, mutant, format));
  return {
    mutants: mutants.map(({ id, what }) => ({ id, what })),
    stages: shared.length,
    agree: verdicts.filter(({ agrees }) => agrees).length,
    errorAgainstMutant: verdicts[0]?.error ?? Number.POSITIVE_INFINITY,
    errorAgainstModel: agreement(golden, stage, dump, golden.want, format).error,
  };
}

/** The dump's stages from `stage` on, in the order of the model. */
function from(golden: OpenCase, dump: Dump, stage: string): string[] {
  const names = [...golden.want.keys()];
  return names.slice(names.indexOf(stage)).filter((name) => dump.has(name));
}

/** How many stages from `stage` on agree, without a gap. */
function prefix(golden: OpenCase, dump: Dump, mutant: Dump, stage: string, format: Format): number {
  const names = from(golden, dump, stage);
  const end = names.findIndex((name) => !agreement(golden, name, dump, mutant, format).agrees);
  return end < 0 ? names.length : end;
}

/** A run with these mistakes, or nothing where one does not fit this model. */
function mutated(
  right: Model,
  { tokens, mtpSteps }: CaseInfo,
  mutants: readonly Mutant[],
): Dump | undefined {
  const chunk = mutants.find((mutant) => mutant.chunk !== undefined)?.chunk;
  try {
    const wrong = mutants.reduce((model, { change }) => change(model), right);
    const all = trace(wrong, { tokens, ...(chunk && { chunk }), ...(mtpSteps && { mtpSteps }) });
    return new Map(all.map((tensor) => [tensor.name, tensor]));
  } catch {
    return undefined; // The mistake asks for parts that this model lacks.
  }
}
