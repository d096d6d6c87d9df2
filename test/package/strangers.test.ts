/**
 * What engine/README.md says about backends and taps, done by somebody outside the repository: strict
 * TypeScript against the installed package.
 */
import { describe, expect, inject, it } from "vitest";
import { open } from "../../tools/node/index.ts";
import { HERE, run } from "../support/stranger.ts";

describe("somebody else's", () => {
  it("programs compile", () => {
    expect(inject("compiled")).toBe("");
  });

  it("backend runs the model, agrees with the reference, and is caught when it is wrong", async () => {
    const told = JSON.parse(await run(HERE, ["strangers/out/run-plain-ops.js"]));
    await using glm = await open(undefined, { backend: "reference" });
    let text = "";
    const options = { maxTokens: 20, temperature: 0 };
    for await (const piece of glm.generate("The little dog", options)) text += piece.text;
    expect(told).toEqual({
      text,
      arithmetic: "plain arrays, f32",
      watched: text.slice(0, told.watched.length),
      mistake: expect.stringMatching(/^add \[T=\d+, hidden=\d+\] at \d+: .+ expected .+ within/),
    });
    expect(told.watched.length).toBeGreaterThan(3);
  });

  it("tap sees every layer once, with the numbers of a trace", async () => {
    const seen = JSON.parse(await run(HERE, ["strangers/out/own-tap.js"]));
    await using glm = await open();
    const traced = await glm.trace("Once upon a time", { stages: ["l_out"] });
    const { numHiddenLayers } = glm.config;
    const rms = traced
      .slice(0, numHiddenLayers) // behind them comes the MTP layer, which a session does not run
      .map(({ data }) =>
        Math.sqrt(Array.from(data).reduce((sum, x) => sum + x * x, 0) / data.length),
      );
    expect(seen).toEqual(rms.map((value, layer) => [layer, value]));
    expect(rms).toHaveLength(numHiddenLayers);
  });

  it("options for our backends are refused beside a backend of one's own", async () => {
    await using glm = await open(undefined, { backend: "reference" });
    const { ops } = glm.model;
    await expect(open(undefined, { ops, threads: 2 })).rejects.toThrow(
      "threads: is not for a backend of one's own",
    );
  });
});
