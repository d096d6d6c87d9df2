/** Judges and diagnoses a run, as if it were the dump of another engine. */
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import type { EngineClass } from "../../../../tools/golden/case/engine-class.ts";
import type { Expectation } from "../../../../tools/golden/case/expectation.ts";
import { type Diagnosis, diagnose } from "../../../../tools/golden/diagnose/diagnose.ts";
import type { MutantRun } from "../../../../tools/golden/diagnose/mutant-runs.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";

/** The diagnosis of a run, with the runs of all mutants on the same case. */
export function diagnosed(
  tensors: readonly NamedTensor[],
  expected: Expectation,
  kind: EngineClass,
  runs: readonly MutantRun[],
): Promise<Diagnosis> {
  const dump = asDump(tensors);
  return diagnose({ dump, expected, kind, judgement: judge(dump, expected, kind) }, { runs });
}
