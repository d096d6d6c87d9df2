/**
 * Tests what `judge` says of exchanged stages, and of the first position with another greedy token.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectation, traceCase } from "../../../../tools/golden/case/expectation.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { divergenceText } from "../../../../tools/golden/judge/check-text.ts";
import { compareLogits, distanceOf } from "../../../../tools/golden/judge/distance.ts";
import { runForced } from "../../../../tools/golden/judge/forced.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";
import { CASES } from "../../../support/paths.ts";

const opened = await expectation(join(CASES, "tiny-all"));
const right = traceCase(opened.model, opened.info);

/** The sentence about the first wrong stage when the names of two stages are exchanged. */
function swapped(a: string, b: string): string | undefined {
  const names: Record<string, string> = { [a]: b, [b]: a };
  const dump = asDump(right.map((t) => ({ ...t, name: names[t.name] ?? t.name })));
  const { stages, firstOff } = judge(dump, opened, "f32");
  return stages.find(({ name }) => name === firstOff)?.sentence;
}

describe("stages out of order are named", () => {
  it.each([
    ["attn_out-1", "attn_out-2"],
    ["l_out-0", "ffn_out-0"],
    ["inp_embd", "result_norm"],
    ["top_k-0", "top_k-3"],
    ["ffn_moe_topk-2", "ffn_moe_topk-4"],
  ])("%s and %s", (a, b) => {
    const first = right.find(({ name }) => name === a || name === b)?.name;
    const other = first === a ? b : a;
    expect(swapped(a, b)).toContain(`these are the numbers of ${other}: stages are out of order`);
  });

  it("top_k of two layers, also where rounding has turned a row", () => {
    const names: Record<string, string> = { "top_k-0": "top_k-3", "top_k-3": "top_k-0" };
    const turned = right.map((t) => {
      if (t.name !== "top_k-3") return t;
      const data = t.data.slice();
      data[data.length - 1] = 0;
      return { ...t, data };
    });
    const dump = asDump(turned.map((t) => ({ ...t, name: names[t.name] ?? t.name })));
    const { stages } = judge(dump, opened, "f32");
    expect(stages.find(({ name }) => name === "top_k-0")?.sentence).toContain(
      "these are the numbers of top_k-3: stages are out of order",
    );
  });

  it("top_k of two layers, when the model has run with the dump's choices", () => {
    const names: Record<string, string> = { "top_k-0": "top_k-3", "top_k-3": "top_k-0" };
    const dump = asDump(right.map((t) => ({ ...t, name: names[t.name] ?? t.name })));
    const { stages, off } = judge(dump, opened, "f32", runForced(dump, opened));
    expect(off.slice(0, 1)).toEqual(["top_k-0"]);
    expect(stages.find(({ name }) => name === "top_k-0")?.sentence).toContain(
      "these are the numbers of top_k-3: stages are out of order",
    );
  });

  it("a wrong choice that is no other stage's is not accused of it", () => {
    const dump = asDump(
      right.map((t) => (t.name === "top_k-3" ? { ...t, data: t.data.map((s) => s ^ 1) } : t)),
    );
    const { stages, firstOff } = judge(dump, opened, "f32");
    expect(firstOff).toBe("top_k-3");
    expect(stages.find(({ name }) => name === firstOff)?.sentence).not.toContain("out of order");
  });

  it("a wrong stage that is no other one is not accused of it", () => {
    const dump = asDump(
      right.map((t) => (t.name === "attn_out-1" ? { ...t, data: t.data.map((x) => -x * x) } : t)),
    );
    const { stages } = judge(dump, opened, "f32");
    const off = stages.find(({ name }) => name === "attn_out-1");
    expect(off?.verdict).toBe("off");
    expect(off?.sentence).not.toContain("out of order");
  });
});

describe("greedy decoding", () => {
  const want = [0, 3, 2.5, 1, 0, 4];
  const got = [0, 2.6, 2.8, 1, 0, 4];
  it("names the row, both tokens, and the margin", () => {
    const { divergence, sameTop } = compareLogits(got, want, 2, 3, 0.3);
    expect(sameTop).toBe(1);
    expect(divergence).toMatchObject({ row: 0, want: 1, got: 2, margin: 0.5, explained: true });
    expect(divergence?.maxAbs).toBeCloseTo(0.4, 12);
    expect(divergence && divergenceText(divergence)).toBe(
      "greedy decoding first differs at row 0: expected token 1, got 2; the expected token leads by 0.500, logits differ by up to 0.400: rounding explains it",
    );
  });
  it("is not explained when rounding is smaller than half the margin", () => {
    expect(compareLogits(got, want, 2, 3, 0.2).divergence?.explained).toBe(false);
  });
  it("is not reported when all tokens are the same", () => {
    expect(compareLogits(want, want, 2, 3, 0)).not.toHaveProperty("divergence");
  });
});

it("few rows of a stage are measured in the unit of the whole stage", () => {
  const want = [1, -2, 8, Number.NEGATIVE_INFINITY];
  expect(distanceOf([1, -1, 8], want, 2)).toMatchObject({ maxAbs: 1, largest: 1 / 8, worst: 1 });
});
