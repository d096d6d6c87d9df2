import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { referenceOps } from "../../../engine/index.ts";
import { trace } from "../../../engine/trace/trace.ts";
import { compareRun } from "../../../tools/golden/build/compare-run.ts";
import { complaints, runCase } from "../../../tools/golden/build/sweep.ts";
import { openCase, readCase, readDump } from "../../../tools/golden/case/case.ts";
import { CASES } from "../../support/paths.ts";

const cases = readdirSync(CASES);

describe("the reference against HF transformers", () => {
  it.each(cases)(
    "%s: f64 within 1e-9 and equal selections; f32 ops within their bounds, no selection unexplained",
    async (name) => {
      expect(complaints(await runCase(join(CASES, name)))).toEqual([]);
    },
  );

  it("notices an eps of 1e-5 in the latent norms where HF has 1e-6", async () => {
    const dir = join(CASES, "eps-visible");
    const info = await readCase(dir);
    const model = await openCase(dir, { ...info, latentEps: 1e-5 }, referenceOps("f64"));
    const report = compareRun(
      trace(model, { tokens: info.tokens }),
      await readDump(join(dir, "f64.safetensors")),
    );
    expect(report.stages.find((stage) => stage.name === "qr-0")?.largest).toBeGreaterThan(1e-3);
  });
});
