/** Tests the comparison of sampled replies: by simulation, and of servers with a recording of another one. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { Recorder, Recording } from "../../../tools/remote/traffic.ts";
import { sameSource } from "../../../tools/verify/mmd.ts";
import { openReference } from "../../../tools/verify/references.ts";
import { SAMPLES } from "../../../tools/verify/samples.ts";
import { demoTokenizer } from "../../support/scripted-desk.ts";
import { bare, checksOf, faultsOf, type ServerFaults, verified } from "./faulty-server.ts";

describe("texts of one source", () => {
  /** Ten texts on each side; tokens of the second side come from more of them. */
  function chanceOf(seed: number, more: number): number {
    const random = seededRandom(seed);
    const text = (kinds: number) => Array.from({ length: 6 }, () => Math.floor(random() * kinds));
    const prompts = Array.from({ length: 12 }, () => ({
      got: Array.from({ length: 10 }, () => text(4)),
      want: Array.from({ length: 10 }, () => text(4 + more)),
    }));
    return sameSource(prompts, 6, seed);
  }
  it("are seldom found to be of two, and those of two are", () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    const chances = seeds.map((seed) => chanceOf(seed, 0));
    expect(chances.filter((chance) => chance < 0.001)).toEqual([]);
    expect(chances.filter((chance) => chance < 0.5).length).toBeGreaterThan(4);
    expect(Math.max(...seeds.slice(0, 4).map((seed) => chanceOf(seed, 4)))).toBeLessThan(0.001);
  });
});

describe("sampled replies", () => {
  const lines: string[] = [];
  const recorder = new Recorder("http://trusted/v1", (line) => void lines.push(line));
  const against = async (faults: ServerFaults) => {
    if (lines.length === 1) await verified(bare(), [SAMPLES], { recorder });
    const recording = new Recording(lines.join(""), "trusted.jsonl");
    const tokenizer = demoTokenizer();
    const reference = await openReference({ folder: "demo-model", tokenizer, against: recording });
    return verified(bare(faults), [SAMPLES], { reference, concurrency: 3 });
  };

  it("of the recorded server pass, with seeds of its own, too", async () => {
    expect((await against({})).verdict).toBe("pass");
    const others = await against({ order: (order) => ({ ...order, seed: order.seed + 1000 }) });
    expect([others.verdict, faultsOf(others)]).toEqual(["pass", []]);
  });
  it("of another temperature are found", async () => {
    const hot: ServerFaults = {
      order: (order) => ({ ...order, sampling: { ...order.sampling, temperature: 0.3 } }),
    };
    expect(faultsOf(await against(hot)).join()).toMatch(/drawn in another way/);
  });
  it("without a recording are not asked for", async () => {
    const outcome = await verified({}, [SAMPLES], {
      send: async () => expect.unreachable(),
      model: "m",
    });
    expect([outcome.verdict, outcome.spent.requests]).toEqual(["unknown", 0]);
    expect(checksOf(outcome)[0].evidence).toMatch(/no recording/);
  });
});
