/** A run as the dump of another engine, judged and diagnosed. */
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import type { EngineClass } from "../../../../tools/golden/case/engine-class.ts";
import type { Expectation } from "../../../../tools/golden/case/expectation.ts";
import { type Diagnosis, diagnose } from "../../../../tools/golden/diagnose/diagnose.ts";
import type { MutantRun } from "../../../../tools/golden/diagnose/mutant-runs.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";

/** The diagnosis, with the mutants' runs of the case at hand. */
export function diagnosed(
  tensors: readonly NamedTensor[],
  expected: Expectation,
  kind: EngineClass,
  runs: readonly MutantRun[],
): Promise<Diagnosis> {
  const dump = asDump(tensors);
  return diagnose({ dump, expected, kind, judgement: judge(dump, expected, kind) }, { runs });
}
