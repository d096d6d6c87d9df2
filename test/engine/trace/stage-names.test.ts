/** Tests that names of a trace are taken apart and put together in the same way. */
import { describe, expect, it } from "vitest";
import { isDraftStage, isLogits, parseStage, stageAt } from "../../../engine/trace/stage-names.ts";

describe("parseStage", () => {
  it.each([
    ["l_out-0", "l_out", 0],
    ["ffn_moe_topk-77", "ffn_moe_topk", 77],
    ["mtp_top_k-3", "mtp_top_k", 3],
    ["logits", "logits", undefined],
    ["model.layers.3.mlp", "model.layers.3.mlp", undefined],
    ["a-b-12", "a-b", 12],
    ["l_out-x", "l_out-x", undefined],
    ["-3", "-3", undefined],
  ])("%s is stage %s with number %s", (name, stage, number) => {
    expect(parseStage(name)).toEqual({ stage, number });
  });

  it("undoes stageAt", () => {
    expect(parseStage(stageAt("indexer_score", 12))).toEqual({
      stage: "indexer_score",
      number: 12,
    });
  });
});

it("a draft stage is not a stage of the MTP layer that is counted by layers", () => {
  expect(["mtp_logits", "mtp_eh_proj", "top_k", "logits"].map(isDraftStage)).toEqual([
    ...[true, true, false, false],
  ]);
});

it("only logits are logits, not the logits of a router", () => {
  expect(["logits", "mtp_logits", "ffn_moe_logits", "result_norm"].map(isLogits)).toEqual([
    ...[true, true, false, false],
  ]);
});
