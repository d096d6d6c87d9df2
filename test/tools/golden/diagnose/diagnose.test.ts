/** Tests that `glm52 golden diagnose` names known mistakes, and names none for right engines. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { referenceOps } from "../../../../engine/index.ts";
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import { traceFile } from "../../../../engine/trace/trace-file.ts";
import { roundedOps } from "../../../../tools/golden/build/rounded-ops.ts";
import { type CaseModel, openCase } from "../../../../tools/golden/case/case.ts";
import {
  type Expectation,
  expectation,
  traceCase,
} from "../../../../tools/golden/case/expectation.ts";
import { bf16 } from "../../../../tools/golden/case/rounding.ts";
import { type MutantRun, runMutants } from "../../../../tools/golden/diagnose/mutant-runs.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import { nameOf } from "../../../../tools/golden/mutants/mutant.ts";
import { mapped } from "../../../../tools/golden/mutants/wrong-ops.ts";
import { CASES, scratchFolder, TINY } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";
import { diagnosed } from "./diagnosed.ts";

const folder = (name: string): string => join(CASES, name);
interface Opened {
  readonly expected: Expectation;
  readonly runs: readonly MutantRun[];
  /** The right engine in f32. The expectation and the runs are in f64. */
  readonly right: CaseModel;
}
const opened = new Map<string, Opened>();
for (const name of new Set(MUTANTS.map(({ golden }) => golden))) {
  const expected = await expectation(folder(name));
  const right = await openCase(folder(name), expected.info, referenceOps("f32"));
  opened.set(name, { expected, runs: await runMutants(expected), right });
}
const caseOf = (name: string) => opened.get(name) as Opened;

/** The dump of a mutant that runs in f32. */
const dumps = MUTANTS.map((mutant) => {
  const { expected, right } = caseOf(mutant.golden);
  return { mutant, tensors: traceCase(mutant.change(right), expected.info, mutant.chunk) };
});

/** The mutants that are not named first when only the wanted stages are in the dump. */
async function missed(wanted: (name: string) => boolean): Promise<string[]> {
  const list: string[] = [];
  for (const { mutant, tensors } of dumps) {
    const { expected, runs } = caseOf(mutant.golden);
    const shown = tensors.filter(({ name }) => wanted(name));
    const { suspects, firstOff, pairs } = await diagnosed(shown, expected, "f32", runs);
    // Logits alone do not show which of equal scores were taken, and any of them is right.
    if (mutant.isLegal && firstOff === undefined) continue;
    // G01 and one form of G19 compute the same numbers, so they are named together.
    const equal = suspects.filter((s) => s.fits && s.score - suspects[0].score < 1e-9);
    if (equal.some(({ what }) => what === mutant.what)) {
      expect([mutant.what, pairs]).toEqual([mutant.what, []]);
    } else {
      const first = suspects[0]?.fits ? suspects[0].what : "nothing";
      list.push(`${mutant.bug} ${mutant.what}: off at ${firstOff}, named: ${first}`);
    }
  }
  return list;
}

describe("a known mistake is named first", () => {
  it.each([
    ["all stages", 0.95, () => true],
    [
      "top_k, layer outputs and logits",
      0.9,
      (name: string) => /^(mtp_)?(top_k|l_out|logits)/.test(name),
    ],
    ["logits alone", 0.95, (name: string) => /^(mtp_)?logits/.test(name)],
  ])("from %s, in at least a share of %d", async (_what, share, wanted) => {
    const list = await missed(wanted);
    expect(1 - list.length / MUTANTS.length, list.join("\n")).toBeGreaterThanOrEqual(share);
  });
});

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };

describe("nobody is accused", () => {
  const all = [...opened.keys()].filter((name) => name !== "groups2-bias");
  // Each of the others takes seconds of processor time. GLM52_FULL=1 runs them.
  const some = GLM52_FULL === "1" ? all : ["tiny-all"];
  const inBf16 = (name: string): NamedTensor[] => {
    const { model, info } = caseOf(name).expected;
    return traceCase({ ...model, ops: roundedOps(model.ops, bf16) }, info);
  };

  it.each(all)("of a mistake on %s by a right engine in bf16", async (name) => {
    const { expected, runs } = caseOf(name);
    const { firstOff } = await diagnosed(inBf16(name), expected, "bf16", runs);
    expect(firstOff).toBeUndefined();
  });

  it("of a mistake that rounding hides: those of bf16 are named, and are not off in bf16", async () => {
    const { expected, runs, right } = caseOf("tiny-all");
    const { unseen, engineClass, firstOff } = await diagnosed(
      inBf16("tiny-all"),
      expected,
      "bf16",
      runs,
    );
    expect([engineClass, firstOff]).toEqual(["bf16", undefined]);
    expect(unseen.map(nameOf)).toContain("G35: the router's matrix product is rounded to bf16");
    expect(unseen.length).toBeLessThan(runs.length / 4);
    const { unseen: none } = await diagnosed(
      traceCase(right, expected.info),
      expected,
      "f32",
      runs,
    );
    expect(none).toEqual([]);
  });

  // Logits alone do not show that another choice was made. So they may be off without a mistake.
  it.each(some)("of a mistake on %s from the logits of a right engine in bf16", async (name) => {
    const { expected, runs } = caseOf(name);
    const logits = inBf16(name).filter((tensor) => tensor.name === "logits");
    const { suspects, pairs } = await diagnosed(logits, expected, "bf16", runs);
    expect([suspects.filter(({ fits }) => fits), pairs]).toEqual([[], []]);
  });

  it("of a mistake that is not in the list: the value channels are doubled", async () => {
    const { expected, runs } = caseOf("tiny-all");
    const { ops } = expected.model;
    const latentAttention: typeof ops.latentAttention = (...args) =>
      mapped(ops.latentAttention(...args), (x) => 2 * x);
    const wrong = { ...expected.model, ops: { ...ops, latentAttention } };
    const tensors = traceCase(wrong, expected.info);
    const { firstOff, suspects, pairs } = await diagnosed(tensors, expected, "f32", runs);
    expect(firstOff).toBe("attn_out-0");
    expect([suspects.filter(({ fits }) => fits), pairs]).toEqual([[], []]);
  });
});

describe("glm52 golden diagnose", () => {
  const scratch = scratchFolder();
  const run = (tensors: readonly NamedTensor[]) => {
    const file = join(scratch, "dump.safetensors");
    const origin = {
      ...{ engineVersion: "0", model: "tiny-all", configSha256: "", precision: "f32" as const },
      ...{ latentEps: 1e-6, tokens: [], command: "" },
    };
    writeFileSync(file, traceFile(tensors, origin));
    return glm52(["golden", "diagnose", file, "--case", TINY]);
  };

  it("names the mistake with its numbers, exit code 3", async () => {
    const dump = dumps.find(({ mutant }) => mutant.bug === "G14");
    const { code, stdout } = await run(dump?.tensors ?? []);
    expect(code).toBe(3);
    expect(stdout).toContain("G14: the indexer rotates halves instead of neighbours");
    expect(stdout).toMatch(/indexer_q-0: NMSE \S+e-1\d against this mistake, NMSE \S+e-[01] /);
  });

  it("says that a right dump is right, exit code 0", async () => {
    const { info, model } = caseOf("tiny-all").expected;
    const { code, stdout } = await run(traceCase(model, info));
    expect([code, stdout]).toEqual([0, "nothing to diagnose: every stage of the dump is right\n"]);
  });
});
