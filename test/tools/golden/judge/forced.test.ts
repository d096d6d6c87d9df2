/** Tests that with `glm52 golden check --replay` a wrong choice does not hide later mistakes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { referenceOps } from "../../../../engine/index.ts";
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import { traceFile } from "../../../../engine/trace/trace-file.ts";
import { engines } from "../../../../tools/golden/build/arithmetics.ts";
import { openCase } from "../../../../tools/golden/case/case.ts";
import type { EngineClass } from "../../../../tools/golden/case/engine-class.ts";
import {
  type Expectation,
  expectation,
  traceCase,
} from "../../../../tools/golden/case/expectation.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import type { Dump } from "../../../../tools/golden/dump/dump.ts";
import { runForced } from "../../../../tools/golden/judge/forced.ts";
import { type Judgement, judge } from "../../../../tools/golden/judge/judge.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import type { Mutant } from "../../../../tools/golden/mutants/mutant.ts";
import { CASES, scratchFolder, TINY } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const folder = (name: string): string => join(CASES, name);
const opened = new Map<string, Expectation>();
const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };
/** The long case takes as much time as all others together. */
const LONG = GLM52_FULL === "1" ? ["long-520"] : [];
const NAMES = ["tiny-all", "ties-one-head", "near-equal-bias", "groups2-bias", ...LONG];
for (const name of NAMES) opened.set(name, await expectation(folder(name)));
const caseOf = (name: string): Expectation => opened.get(name) as Expectation;

const mutantOf = (what: string): Mutant => {
  const found = MUTANTS.find((mutant) => mutant.what.startsWith(what));
  if (!found) throw new Error(`no mutant: ${what}`);
  return found;
};

/** An engine in f32 with several mistakes at once. */
async function wrongRun(name: string, mutants: readonly Mutant[]): Promise<NamedTensor[]> {
  const right = await openCase(folder(name), caseOf(name).info, referenceOps("f32"));
  const wrong = mutants.reduce((model, mutant) => mutant.change(model), right);
  const chunk = mutants.find((mutant) => mutant.chunk)?.chunk;
  return traceCase(wrong, caseOf(name).info, chunk);
}

const replay = (dump: Dump, name: string, kind: EngineClass = "f32"): Judgement =>
  judge(dump, caseOf(name), kind, runForced(dump, caseOf(name)));

const isChoice = (stage: string): boolean => /top_?k-/.test(stage);
const verdicts = ({ stages }: Judgement) => new Set(stages.map(({ verdict }) => verdict));

const ROWS = [
  "short rows are filled with positions that are masked",
  "the top-k chooses one row too few",
  "index_topk is set so high that nothing is dropped",
  "a shared layer has an indexer of its own",
  "the schedule is off by one layer",
  "the MTP layer attends to the rows of the main model's last full layer",
];
const EXPERTS = [
  "the correction bias is rounded to bf16",
  "scores and bias are added in bf16",
  "experts are chosen without the bias",
  "experts of closed groups are masked with 0",
];

describe("a mistake in a choice alone: all else is right", () => {
  it.each([...ROWS, ...EXPERTS])("%s", async (what) => {
    const mutant = mutantOf(what);
    const dump = asDump(await wrongRun(mutant.golden, [mutant]));
    expect(judge(dump, caseOf(mutant.golden), "f32").off).toEqual([mutant.stage]);
    const judgement = replay(dump, mutant.golden);
    expect(judgement.firstOff).toBe(mutant.stage);
    expect(judgement.off.filter((stage) => !isChoice(stage))).toEqual([]);
    expect(verdicts(judgement)).not.toContain("after");
  });
});

describe("a mistake in a choice and one of the experts: both are named", () => {
  const rows = ["the top-k chooses one row too few", "index_topk is set so high"];
  const moe = [
    ["gate and up are swapped in the experts", "ffn_moe_out-1"],
    ["routed_scaling_factor is never applied", "ffn_moe_weights-1"],
    ["the shared expert is scaled as well", "ffn_shexp-1"],
    ["the router's matrix product is rounded to bf16", "ffn_moe_logits-1"],
  ] as const;
  const table = rows.flatMap((row) => moe.map(([other, stage]) => [row, other, stage] as const));
  it.each(table)("%s; %s", async (row, other, stage) => {
    const dump = asDump(await wrongRun("tiny-all", [mutantOf(row), mutantOf(other)]));
    expect(judge(dump, caseOf("tiny-all"), "f32").off).toEqual(["top_k-0"]);
    const { off } = replay(dump, "tiny-all");
    expect(off[0]).toBe("top_k-0");
    expect(off.filter((name) => !isChoice(name))).toEqual([stage]);
  });

  it("experts without the bias; the shared expert is scaled as well", async () => {
    const mutants = [
      mutantOf("experts are chosen without the bias"),
      mutantOf("the shared expert is scaled as well"),
    ];
    const { off } = replay(asDump(await wrongRun("near-equal-bias", mutants)), "near-equal-bias");
    expect(off).toEqual(["ffn_moe_topk-1", "ffn_shexp-1"]);
  });
});

describe("choices that are explained hide no rows", () => {
  it("equal scores that go to the larger position", async () => {
    const mutant = mutantOf("equal scores go to the larger position");
    const dump = asDump(await wrongRun("ties-one-head", [mutant]));
    const plain = judge(dump, caseOf("ties-one-head"), "f32");
    expect(plain.stages.some(({ rows = 0, of = 0 }) => rows < of)).toBe(true);
    const judgement = replay(dump, "ties-one-head");
    expect(judgement.off).toEqual([]);
    expect(judgement.stages.filter(({ rows, of }) => rows !== of)).toEqual([]);
    const explained = judgement.stages.filter(({ verdict }) => verdict === "explained");
    expect(explained.length).toBeGreaterThan(0);
    expect(explained.every(({ name }) => isChoice(name))).toBe(true);
  });

  it.each(NAMES)("an engine in bf16 is right in every row of %s", async (name) => {
    const { info } = caseOf(name);
    const [ops] = engines("bf16");
    const model = await openCase(folder(name), info, ops ?? referenceOps("f32"));
    const judgement = replay(asDump(traceCase(model, info)), name, "bf16");
    expect(judgement.off).toEqual([]);
    expect(judgement.stages.filter(({ rows, of }) => rows !== of)).toEqual([]);
    expect(verdicts(judgement)).not.toContain("after");
  });
});

describe("choices that the model cannot make are not forced", () => {
  const spoil = (name: string, f: (data: Int32Array) => Int32Array): Dump => {
    const dump = new Map(asDump(traceCase(caseOf("tiny-all").model, caseOf("tiny-all").info)));
    const tensor = dump.get(name);
    if (tensor) dump.set(name, { ...tensor, data: f(Int32Array.from(tensor.data)) });
    return dump;
  };
  it.each([
    ["a row that there is not", (data: Int32Array) => data.fill(24, 8, 9)],
    ["no row at all", (data: Int32Array) => data.fill(-1, 8, 12)],
  ])("%s: off, and what comes after is not judged", (_what, f) => {
    const dump = spoil("top_k-1", f);
    expect(runForced(dump, caseOf("tiny-all")).forced).not.toContain("top_k-1");
    const judgement = replay(dump, "tiny-all");
    expect(judgement.off).toEqual(["top_k-1"]);
    expect(verdicts(judgement)).toContain("after");
  });

  it("a dump without choices is judged as without --replay", () => {
    const dump = asDump(
      traceCase(caseOf("tiny-all").model, caseOf("tiny-all").info).filter(
        ({ name }) => !isChoice(name),
      ),
    );
    expect(runForced(dump, caseOf("tiny-all")).forced.size).toBe(0);
    expect(replay(dump, "tiny-all").off).toEqual([]);
  });
});

describe("glm52 golden check --replay", async () => {
  const file = join(scratchFolder(), "dump.safetensors");
  const origin = {
    ...{ engineVersion: "0", model: "tiny-all", configSha256: "", precision: "f32" as const },
    ...{ latentEps: 1e-6, tokens: [], command: "" },
  };
  const check = async (whats: readonly string[]) => {
    writeFileSync(file, traceFile(await wrongRun("tiny-all", whats.map(mutantOf)), origin));
    return glm52(["golden", "check", file, "--case", TINY, "--replay"]);
  };

  it("says that all after a wrong choice is right", async () => {
    const { code, stdout } = await check([ROWS[1] as string]);
    expect(code).toBe(3);
    expect(stdout).toContain("the model has made 15 choices as the dump has");
    expect(stdout).toMatch(/^OFF at top_k-0, .*; the other 141 stages are right$/m);
  });

  it("names what is wrong after a wrong choice", async () => {
    const { code, stdout } = await check([ROWS[1] as string, "gate and up are swapped"]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^OFF at top_k-0, top_k-1, ffn_moe_out-1, stage \d+ of 146; /m);
  });

  it("passes a right dump, exit code 0", async () => {
    const { code, stdout } = await check([]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ok: 146 stages of tiny-all$/m)]);
  });
});
