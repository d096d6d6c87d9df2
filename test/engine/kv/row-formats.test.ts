/**
 * Tests what rounding of rows does to logits. The rows and experts are those that an unrounded run
 * chose, because one different choice would hide the effect of rounding. bench/kv/row-formats.ts
 * measured the limits, which are a little larger here.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ops, Session, type SessionOptions } from "../../../engine/index.ts";
import type { RowFormat } from "../../../engine/kv/geometry.ts";
import { recordChoices, replayChoices } from "../../../tools/golden/build/replay.ts";
import { openModel } from "../../../tools/node/open.ts";
import { difference } from "../../support/logit-difference.ts";
import { randomTokens } from "../../support/random.ts";

const root = join(import.meta.dirname, "../../..");
const LIMITS = { bf16: { rms: 0.015, kl: 2e-4 }, int8: { rms: 0.04, kl: 1e-3 } } as const;
const MODELS = ["demo-model", "golden/cases/real-ratios/model"];

describe.each(MODELS)("rows in another format, choices given: %s", async (folder) => {
  const { model } = await openModel(join(root, folder), { backend: "wasm" });
  const text = randomTokens(200, model.config.vocabSize, 4);
  const run = (ops: Ops, rows: SessionOptions["rows"] = {}) =>
    new Session({ ...model, ops }, { rows, chunk: 64 }).appendAll(text); // the same steps each time
  const { ops, choices } = recordChoices(model.ops);
  const want = run(ops);
  const replayed = (rows: SessionOptions["rows"], wrong: Partial<Ops> = {}) =>
    difference(run({ ...replayChoices(model.ops, choices), ...wrong }, rows), want);

  it.each(["bf16", "int8"] as const)(
    "%s: rms and KL of logits stay within their limits",
    (latent) => {
      const { rms, kl } = replayed({ latent, index: latent });
      expect(rms).toBeLessThan(LIMITS[latent].rms);
      expect(kl).toBeLessThan(LIMITS[latent].kl);
      expect(rms).toBeGreaterThan(0.001);
    },
  );

  it.each<RowFormat>(["bf16", "int8"])("index keys in %s change nothing but choices", (index) => {
    expect(replayed({ index })).toMatchObject({ rms: 0, kl: 0, top1: 1 });
  });

  it("a softmax scale that is wrong by a tenth leaves the limits", () => {
    const latentAttention: Ops["latentAttention"] = (q, qPe, past, topK, scale) =>
      model.ops.latentAttention(q, qPe, past, topK, 1.1 * scale);
    const { rms, kl } = replayed({ latent: "bf16" }, { latentAttention });
    expect(rms).toBeGreaterThan(LIMITS.int8.rms);
    expect(kl).toBeGreaterThan(LIMITS.bf16.kl);
  });
});
