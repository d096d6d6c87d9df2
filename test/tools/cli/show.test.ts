/** Tests that `--show` tells what the model did, and changes nothing of it. */
import { describe, expect, it } from "vitest";
import { open } from "../../../tools/node/index.ts";
import { DEMO_MODEL } from "../../support/paths.ts";
import { glm52 } from "./fake-terminal.ts";

const PROMPT = "Once upon a time there was a little dog. The dog";
const argv = ["run", PROMPT, "--max-tokens", "5", "--temperature", "0"];

const shown = async (what: string) => {
  const { code, stdout } = await glm52([...argv, "--show", what]);
  expect(code).toBe(0);
  return stdout.trimEnd().split("\n");
};

describe("--show", () => {
  it("has a line for each token, of the text that comes without it", async () => {
    const { text } = JSON.parse((await glm52([...argv, "--json"])).stdout);
    for (const what of ["probs", "choices", "experts"]) {
      const names = (await shown(what)).map((line) => /^("(?:[^"\\]|\\.)*")/.exec(line)?.[1]);
      expect(names).toHaveLength(5);
      expect(names.map((name) => JSON.parse(name ?? "")).join("")).toBe(text);
    }
  });

  it("names the positions and experts that a trace has, those with the highest scores first", async () => {
    await using glm = await open(DEMO_MODEL);
    const stages = ["top_k", "indexer_score", "ffn_moe_topk"] as const;
    const traced = await glm.trace(PROMPT, { stages, layers: [6] });
    const last = (name: string): number[] => {
      const { shape = [], data = [] } = traced.find((one) => one.name === name) ?? {};
      return Array.from(data).slice(-shape[shape.length - 1]);
    };
    const scores = last("indexer_score-6");
    const best = last("top_k-6")
      .filter((s) => s >= 0)
      .sort((a, b) => scores[b] - scores[a] || a - b);
    const ids = glm.promptIds(PROMPT);
    const want = best
      .slice(0, 8)
      .map((s) => `${JSON.stringify(glm.decode([ids[s]]))} ${ids.length - 1 - s} back`);
    const [first] = await shown("choices");
    expect(first).toContain(want.join(", "));
    const [experts] = await shown("experts");
    expect(experts).toContain(` 6: ${last("ffn_moe_topk-6").join(" ")}`);
  });

  it("says how sure the model was: the probabilities of its logits", async () => {
    const { logprobs } = JSON.parse((await glm52([...argv, "--json", "--logprobs", "3"])).stdout);
    const lines = await shown("probs");
    lines.forEach((line, i) => {
      expect(line).toContain(` ${Math.exp(logprobs[i].logprob).toFixed(2)} `);
    });
  });

  it("has colours where the terminal has them", async () => {
    const onTerminal = (env: object) =>
      glm52([...argv, "--show", "probs"], { isTerminal: true, env });
    expect((await onTerminal({})).stdout).toContain("\x1b[32m");
    expect((await onTerminal({ NO_COLOR: "1" })).stdout).not.toContain("\x1b");
  });
});
