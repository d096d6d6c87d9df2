/**
 * Tests of the classes of engines: how far each may be off, which engines pass, and which mistakes
 * the rounding of a class hides.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Ops } from "../../../../engine/index.ts";
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import { engines } from "../../../../tools/golden/build/arithmetics.ts";
import { type CaseModel, openCase } from "../../../../tools/golden/case/case.ts";
import { CLASSES, type EngineClass } from "../../../../tools/golden/case/engine-class.ts";
import {
  type Expectation,
  expectation,
  traceCase,
} from "../../../../tools/golden/case/expectation.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";
import { MISTAKES } from "../../../../tools/golden/mutants/all.ts";
import { nameOf } from "../../../../tools/golden/mutants/mutant.ts";
import { openModel } from "../../../../tools/node/open.ts";
import { CASES, scratchFolder, TINY } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const NAMES = readdirSync(CASES);
const folder = (name: string): string => join(CASES, name);
const opened = new Map<string, Expectation>();
for (const name of NAMES) opened.set(name, await expectation(folder(name)));
const caseOf = (name: string): Expectation => opened.get(name) as Expectation;

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };
/** The other classes are run with GLM52_FULL=1: they lie between these. */
const SOME = GLM52_FULL === "1" ? CLASSES : (["f32", "f16-cache", "bf16"] as const);

const engineOf = (kind: EngineClass): Ops => engines(kind)[1] as Ops; // every addition rounded

async function runOf(name: string, ops: Ops): Promise<NamedTensor[]> {
  const { info } = caseOf(name);
  return traceCase(await openCase(folder(name), info, ops), info);
}

/** Mistakes that bf16 hides, and int8 in caches, too. */
const COARSE = [
  "G35: the router's matrix product is rounded to bf16",
  "G40: a draft step starts from the hidden state before shared_head.norm",
  "G42: every draft step selects for itself, against index_share_for_mtp_iteration",
  "G42: draft steps reuse the first step's rows, though the config says they select",
];

describe.each(SOME)("an engine of class %s", (kind) => {
  it("is not off on any case", async () => {
    for (const name of NAMES) {
      const dump = asDump(await runOf(name, engineOf(kind)));
      const { stages, firstOff } = judge(dump, caseOf(name), kind);
      expect([name, stages.find((stage) => stage.name === firstOff)]).toEqual([name, undefined]);
    }
  });

  const HIDDEN: Readonly<Record<EngineClass, readonly string[]>> = {
    f32: [],
    "f16-cache": [
      "G42: draft steps reuse the first step's rows, though the config says they select",
    ],
    "f16-attention": ["G35: the router's matrix product is rounded to bf16"],
    "int8-cache": COARSE,
    bf16: COARSE,
  };
  it(`shows all mistakes but those that its rounding hides, on the cases made for them`, async () => {
    const passed: string[] = [];
    const rights = new Map<string, CaseModel>();
    const [ops] = engines(kind);
    for (const name of new Set(MISTAKES.map(({ golden }) => golden))) {
      rights.set(name, await openCase(folder(name), caseOf(name).info, ops as Ops));
    }
    for (const mutant of MISTAKES) {
      const wrong = mutant.change(rights.get(mutant.golden) as CaseModel);
      const dump = asDump(traceCase(wrong, caseOf(mutant.golden).info, mutant.chunk));
      const { firstOff } = judge(dump, caseOf(mutant.golden), kind);
      if (firstOff === undefined) passed.push(nameOf(mutant));
    }
    expect(passed).toEqual(HIDDEN[kind]);
  });
});

it("the WASM kernels pass on every case, each stage within 0.6 of its bound", async () => {
  for (const name of NAMES) {
    const { info } = caseOf(name);
    const options = { backend: "wasm", latentEps: info.latentEps } as const;
    const { model } = await openModel(join(folder(name), "model"), options);
    const { stages } = judge(asDump(traceCase(model, info)), caseOf(name), "f32");
    const worst = Math.max(...stages.map(({ errorOverBound = 0 }) => errorOverBound));
    expect([name, worst <= 0.6]).toEqual([name, true]);
  }
});

it("rounding of another class is off: f16 caches in f32, bf16 with f16 caches", async () => {
  const firstOff = async (made: EngineClass, judged: EngineClass) =>
    judge(asDump(await runOf("clear-bf16", engineOf(made))), caseOf("clear-bf16"), judged).firstOff;
  expect(await firstOff("f16-cache", "f16-cache")).toBeUndefined();
  expect(await firstOff("f16-cache", "f32")).toBe("indexer_k-0");
  expect(await firstOff("bf16", "bf16")).toBeUndefined();
  expect(await firstOff("bf16", "f16-cache")).toBe("attn_norm-0");
});

const scratch = scratchFolder();

describe("glm52 golden check --class", () => {
  const qr = traceCase(caseOf("tiny-all").model, caseOf("tiny-all").info).filter(
    ({ name }) => name === "qr-1",
  );
  const text = (dtype: string): string => {
    const [{ shape, data }] = qr as [NamedTensor];
    const file = join(scratch, `${dtype}.txt`);
    writeFileSync(file, `qr-1 [${shape}] ${dtype}\n${data.join(" ")}\n`);
    return file;
  };
  const check = (file: string, ...more: string[]) =>
    glm52(["golden", "check", file, "--case", TINY, ...more]);

  it.each([
    ["f64", [], "f32", 2 ** -24],
    ["f32", [], "f32", 2 ** -24],
    ["f16", [], "f16-cache", 2 ** -11],
    ["bf16", [], "bf16", 2 ** -8],
    ["f32", ["--class", "bf16"], "bf16", 2 ** -24],
  ] as const)("a dump in %s with %j is of class %s", async (dtype, more, kind, rounding) => {
    const { stdout } = await check(text(dtype), ...more, "--json");
    const result = JSON.parse(stdout);
    expect(result.class).toBe(kind);
    // The bound is that of envelope.json, plus one rounding of the dump.
    const { room, stages } = JSON.parse(readFileSync(join(TINY, "envelope.json"), "utf8"));
    const [rms, largest] = stages["qr-1"][kind];
    const { bound } = result.stages.find(({ name }: { name: string }) => name === "qr-1");
    expect(bound).toEqual({ rms: room * rms + rounding, largest: room * largest + rounding });
  });

  it("tells the class and the bound of each stage", async () => {
    const { stdout } = await check(text("f32"));
    expect(stdout).toContain("judged as an engine of class f32;");
    expect(stdout).toMatch(/^stage +verdict +max rel +bound /m);
  });

  it("refuses a class that there is not, and a case without an envelope", async () => {
    const { code, stderr } = await check(text("f32"), "--class", "f8");
    expect([code, stderr]).toEqual([2, expect.stringContaining(CLASSES.join(", "))]);
    const bare = join(scratch, "bare");
    cpSync(TINY, bare, { recursive: true });
    rmSync(join(bare, "envelope.json"));
    const other = await glm52(["golden", "check", text("f32"), "--case", bare]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("expected an envelope, found none");
    const whole = readFileSync(join(TINY, "envelope.json"), "utf8");
    writeFileSync(join(bare, "envelope.json"), whole.replaceAll("int8-cache", "int8"));
    const older = await glm52(["golden", "check", text("f32"), "--case", bare]);
    expect([older.code, older.stderr]).toEqual([1, expect.stringContaining("int8-cache, bf16")]);
  });
});
