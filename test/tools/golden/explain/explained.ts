/** Engines with a mistake that is in no list, made by wrapping operations, and what is said of their dumps. */
import { referenceOps } from "../../../../engine/index.ts";
import type { Ops } from "../../../../engine/ops/ops.ts";
import { type CaseModel, openCase } from "../../../../tools/golden/case/case.ts";
import type { EngineClass } from "../../../../tools/golden/case/engine-class.ts";
import {
  type Expectation,
  expectation,
  traceCase,
} from "../../../../tools/golden/case/expectation.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { explain } from "../../../../tools/golden/explain/explain.ts";
import type { Explanation } from "../../../../tools/golden/explain/explanation.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";
import { TINY } from "../../../support/paths.ts";

/** The case, and the right engine in f32. */
export const expected: Expectation = await expectation(TINY);
const right: CaseModel = await openCase(TINY, expected.info, referenceOps("f32"));

/** What is in a dump. */
export const SHOWN = {
  "all stages": () => true,
  "layers and choices": (name: string) => /^(mtp_)?(top_k|l_out|logits)/.test(name),
  "logits alone": (name: string) => name === "logits",
} as const;

/** The explanation of an engine whose operations are changed. */
export async function explained(
  change: (ops: Ops, model: CaseModel) => Partial<Ops>,
  shown: keyof typeof SHOWN = "all stages",
  kind: EngineClass = "f32",
): Promise<Explanation | undefined> {
  const wrong = { ...right, ops: { ...right.ops, ...change(right.ops, right) } };
  const tensors = traceCase(wrong, expected.info).filter(({ name }) => SHOWN[shown](name));
  const dump = asDump(tensors);
  return explain({ dump, expected, kind, judgement: judge(dump, expected, kind) });
}
