/** Tests that whole models on wasm stay within their bounds, with the same bits for any chunk. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ops, referenceOps } from "../../../../engine/index.ts";
import { floatsOf } from "../../../../engine/ops/reference/memory.ts";
import { wasmBounds } from "../../../../engine/ops/wasm/index.ts";
import { trace } from "../../../../engine/trace/trace.ts";
import { compareRun } from "../../../../tools/golden/build/compare-run.ts";
import { openCase, readCase, readDump } from "../../../../tools/golden/case/case.ts";
import { firstOtherBits } from "../../../support/compare.ts";
import { runAll } from "../../../support/run.ts";
import { fastOps, watchedOps } from "./wasm.ts";

const CASES = ["tiny-all", "long-520", "bf16-small", "fp8-blocks", "groups2-bias"];

async function open(name: string, ops: Ops) {
  const dir = join(import.meta.dirname, "../../../../golden/cases", name);
  const info = await readCase(dir);
  return { dir, info, model: await openCase(dir, info, ops) };
}

describe.each(CASES)("the whole model on wasm, %s", (name) => {
  it("leaves no op out of its bound and no selection unexplained", async () => {
    const { ops, worst } = await watchedOps();
    const { dir, info, model } = await open(name, ops);
    const { mtpSteps } = info;
    const recorded = trace(model, { tokens: info.tokens, ...(mtpSteps && { mtpSteps }) });
    expect(worst.size).toBe(Object.keys(wasmBounds()).length); // every op ran

    const spec = await open(name, referenceOps("f64"));
    const report = compareRun(recorded, await readDump(join(dir, "f64.safetensors")), (layer) => {
      const { layers, mtp } = spec.model.weights;
      const ffn = [...layers, mtp?.layer][layer]?.ffn;
      return ffn?.kind === "sparse" ? floatsOf(ffn.eScoreCorrectionBias) : undefined;
    });
    expect(report.missing).toEqual([]);
    expect(report.selections.filter((s) => s.unexplained > 0)).toEqual([]);
  });

  it("gives the same bits in chunks of 1, 3, 7 and 64 tokens", async () => {
    const run = async (chunk: number) => {
      const { info, model } = await open(name, await fastOps());
      const { mtpSteps } = info;
      return runAll(model, info.tokens, { chunk, ...(mtpSteps && { mtpSteps }) });
    };
    const want = await run(64);
    for (const chunk of [1, 3, 7]) expect(firstOtherBits(await run(chunk), want)).toBeUndefined();
  });
});
