/**
 * Puts known bugs into the engine, one at a time. The comparison with HF transformers must name the
 * stage where each bug begins.
 */
import { describe, expect, test } from "vitest";
import { referenceOps } from "../../../../engine/ops/reference/index.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import { bruteForceRoute } from "../../../../tools/golden/mutants/moe.ts";
import { largestFirst, scoresBy, topKBy } from "../../../../tools/golden/mutants/wrong-ops.ts";
import { firstDifference } from "../../../support/compare.ts";
import { type Golden, golden } from "../../../support/golden.ts";
import { runAll } from "../../../support/run.ts";

/** HF and this engine sum in different orders, both in f64. No case is off by more than 1e-14. */
const TOLERANCE = 1e-12;

const ops = referenceOps("f64");
const names = [...new Set(MUTANTS.map((mutant) => mutant.golden))];
const cases = new Map<string, Golden>();
for (const name of names) cases.set(name, await golden(name));

const caseOf = (name: string): Golden => cases.get(name) as Golden;
const options = ({ mtpSteps }: Golden, chunk = 64) => ({
  chunk,
  ...(mtpSteps !== undefined && { mtpSteps }),
});

describe("without a bug, every stage is within 1e-12 of HF transformers in f64", () => {
  const runs = new Set(
    MUTANTS.map(({ golden: name, chunk = 64 }) => `${name} in steps of ${chunk}`),
  );
  test.each([...runs])("%s", async (run) => {
    const [name, chunk] = run.split(" in steps of ");
    const fixture = caseOf(name);
    const model = await fixture.model(ops);
    const got = runAll(model, fixture.tokens, options(fixture, Number(chunk)));
    expect(firstDifference(got, fixture.want, TOLERANCE)).toBeUndefined();
  });

  test("tiny-all with scores, top-k and router by brute force: the mutants' parts are sound", async () => {
    const fixture = caseOf("tiny-all");
    const right = await fixture.model(ops);
    const indexScores = scoresBy((w, dot) => w * Math.max(dot, 0));
    const brute = { ...ops, indexScores, topK: topKBy(largestFirst), route: bruteForceRoute };
    const got = runAll({ ...right, ops: brute }, fixture.tokens, options(fixture));
    expect(firstDifference(got, fixture.want, TOLERANCE)).toBeUndefined();
  });
});

describe("with a bug, the first wrong stage is named", () => {
  const table = MUTANTS.map((mutant) => [mutant.bug, mutant.what, mutant.stage, mutant] as const);
  test.each(table)("%s: %s → %s", async (_bug, _what, stage, { golden: name, chunk, change }) => {
    const fixture = caseOf(name);
    const wrong = change(await fixture.model(ops));
    const got = runAll(wrong, fixture.tokens, options(fixture, chunk));
    expect(firstDifference(got, fixture.want, TOLERANCE)).toBe(stage);
  });
});
