import { expect, test } from "vitest";
import { referenceOps } from "../../engine/ops/reference/index.ts";
import { golden } from "../support/golden.ts";
import { runAll } from "../support/run.ts";
import { firstDifference } from "../support/compare.ts";
for (const c of ["tiny-all","eps-visible","ties-one-head","near-equal-bias"])
test(c, async () => {
  const g = await golden(c);
  const m = await g.model(referenceOps("f64"));
  const t0 = Date.now();
  const run = runAll(m, g.tokens, { ...(g.mtpSteps && { mtpSteps: g.mtpSteps }) });
  console.log(c, Date.now() - t0, [...run.keys()].filter(k=>!g.want.has(k)).slice(0,20), firstDifference(run, g.want, 1e-12));
  expect(firstDifference(run, g.want, 1e-9)).toBeUndefined();
});
test("x", async () => {
  const g = await golden("tiny-all");
  const m = await g.model(referenceOps("f64"));
  const run = runAll(m, g.tokens);
  for (const n of ["attn_norm-0","qr-0","q_pe-0","top_k-0","indexer_score-0","logits"]) console.log(n, run.get(n)!.shape, g.want.get(n)!.shape, run.get(n)!.data.slice(0,6), g.want.get(n)!.data.slice(0,6));
});
