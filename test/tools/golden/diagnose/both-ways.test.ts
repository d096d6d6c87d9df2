/** Tests that a mistake behind turned choices is named with the dump's choices, as `--replay` does. */
import { expect, it } from "vitest";
import { engines } from "../../../../tools/golden/build/arithmetics.ts";
import { openCase } from "../../../../tools/golden/case/case.ts";
import { expectation, traceCase } from "../../../../tools/golden/case/expectation.ts";
import { diagnoseBothWays } from "../../../../tools/golden/diagnose/both-ways.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { runForced } from "../../../../tools/golden/judge/forced.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import { nameOf } from "../../../../tools/golden/mutants/mutant.ts";
import { TINY } from "../../../support/paths.ts";

const KIND = "bf16";
const expected = await expectation(TINY);
const [ops] = engines(KIND);
if (!ops) throw new Error("no engine in bf16");
const right = await openCase(TINY, expected.info, ops);

it("a mistake of the last layer in bf16 is named, whether the verdict is with replay or not", async () => {
  const mutant = MUTANTS.find(({ what }) => what.startsWith("gate and up are swapped"));
  if (!mutant) throw new Error("no mutant swaps gate and up");
  const dump = asDump(traceCase(mutant.change(right), expected.info));
  for (const replayed of [undefined, runForced(dump, expected)]) {
    const judgement = judge(dump, expected, KIND, replayed);
    const judged = {
      dump,
      expected,
      kind: KIND,
      judgement,
      ...(replayed && { replayed }),
    } as const;
    const { suspects } = await diagnoseBothWays(judged);
    expect(suspects.filter(({ fits }) => fits).map(nameOf)).toContain(nameOf(mutant));
  }
});

it("a right engine in bf16 is not accused by the second way", async () => {
  const dump = asDump(traceCase(right, expected.info));
  const judgement = judge(dump, expected, KIND);
  expect(judgement.stages.some(({ verdict }) => verdict === "explained")).toBe(true);
  const { firstOff, suspects, pairs } = await diagnoseBothWays({
    ...{ dump, expected, kind: KIND, judgement },
  });
  expect([firstOff, suspects, pairs]).toEqual([undefined, [], []]);
});
