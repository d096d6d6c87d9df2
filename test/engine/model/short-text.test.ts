/**
 * Shows why the tests of this folder use more tokens than index_topk: with fewer tokens, a wrong
 * indexer gives the same result as a right one (G14, G32).
 */
import { describe, expect, test } from "vitest";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { indexerMutants } from "../../../tools/golden/mutants/indexer.ts";
import { golden } from "../../support/golden.ts";
import { runAll, stage } from "../../support/run.ts";

const fixture = await golden("tiny-all");
const model = await fixture.model(referenceOps("f64"));
const short = fixture.tokens.slice(0, model.config.indexTopk);

/** The bugs that rank rows wrongly. Other bugs show rows that must be hidden, or hide others. */
const ranking = indexerMutants.filter(
  ({ golden: name, stage: at }) => name === "tiny-all" && /^indexer_[qk]/.test(at),
);

describe("with as many tokens as index_topk", () => {
  const table = ranking.map((mutant) => [mutant.bug, mutant.what, mutant] as const);
  test.each(table)("%s, %s: the same logits, bit for bit", (_bug, _what, { change }) => {
    expect(stage(runAll(change(model), short), "logits")).toEqual(
      stage(runAll(model, short), "logits"),
    );
  });

  test.each(table)("%s, %s: other logits with all 24 tokens", (_bug, _what, { change }) => {
    expect(stage(runAll(change(model), fixture.tokens), "logits")).not.toEqual(
      stage(runAll(model, fixture.tokens), "logits"),
    );
  });

  test("there are 5 such bugs", () => {
    expect(ranking.length).toBe(5);
  });
});
