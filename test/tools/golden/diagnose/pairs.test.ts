/**
 * Tests that `glm52 golden diagnose` names two known mistakes at once, and names none for noise.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Model, referenceOps } from "../../../../engine/index.ts";
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import { traceFile } from "../../../../engine/trace/trace-file.ts";
import { engines } from "../../../../tools/golden/build/arithmetics.ts";
import { openCase } from "../../../../tools/golden/case/case.ts";
import {
  type Expectation,
  expectation,
  traceCase,
} from "../../../../tools/golden/case/expectation.ts";
import type { Diagnosis } from "../../../../tools/golden/diagnose/diagnose.ts";
import { type MutantRun, runMutants } from "../../../../tools/golden/diagnose/mutant-runs.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import type { Mutant } from "../../../../tools/golden/mutants/mutant.ts";
import { mapped } from "../../../../tools/golden/mutants/wrong-ops.ts";
import { CASES, scratchFolder, TINY } from "../../../support/paths.ts";
import { random } from "../../../support/random.ts";
import { glm52 } from "../../cli/fake-terminal.ts";
import { diagnosed } from "./diagnosed.ts";

const opened = new Map<string, { expected: Expectation; runs: MutantRun[]; right: Model }>();
for (const name of ["tiny-all", "near-equal-bias"]) {
  const expected = await expectation(join(CASES, name));
  const right = await openCase(join(CASES, name), expected.info, referenceOps("f32"));
  opened.set(name, { expected, runs: await runMutants(expected), right });
}
const caseOf = (name: string) => {
  const found = opened.get(name);
  if (!found) throw new Error(`expected one of ${[...opened.keys()]}, got ${name}`);
  return found;
};

const mutantOf = (what: string): Mutant => {
  const found = MUTANTS.find((mutant) => mutant.what.startsWith(what));
  if (!found) throw new Error(`no mutant: ${what}`);
  return found;
};

/** An engine in f32 with several mistakes at once. */
function wrongRun(name: string, whats: readonly string[]): NamedTensor[] {
  const { right, expected } = caseOf(name);
  const mutants = whats.map(mutantOf);
  const wrong = mutants.reduce((model, mutant) => mutant.change(model), right);
  return traceCase(wrong, expected.info, mutants.find(({ chunk }) => chunk)?.chunk);
}

const diagnosisOn = (name: string, tensors: readonly NamedTensor[]): Promise<Diagnosis> =>
  diagnosed(tensors, caseOf(name).expected, "f32", caseOf(name).runs);

const namesOf = ({ pairs }: Diagnosis): string[] =>
  pairs.map(({ mistakes }) =>
    mistakes
      .map(({ what }) => what)
      .sort()
      .join(" + "),
  );
const joined = (...whats: readonly string[]): string =>
  whats
    .map((what) => mutantOf(what).what)
    .sort()
    .join(" + ");

const PAIRS = [
  ["tiny-all", "the scores lack the ReLU", "gate and up are swapped"],
  ["tiny-all", "the top-k chooses one row too few", "the shared expert is scaled"],
  ["tiny-all", "the attention rotates halves", "the indexer rotates halves"],
  ["tiny-all", "k_norm has no bias", "shared layers attend to every row"],
  ["tiny-all", "rope_theta is not found", "the weights are not normed"],
  ["tiny-all", "negative head weights are cut", "eh_proj gets the hidden state first"],
  ["tiny-all", "a prefill no longer than index_topk", "routed_scaling_factor is never applied"],
  ["tiny-all", "an empty place", "shared_head.norm is applied twice"],
  ["near-equal-bias", "experts are chosen without the bias", "the shared expert is scaled"],
  ["near-equal-bias", "the correction bias is rounded", "gate and up are swapped"],
] as const;

describe("two mistakes are named", () => {
  it.each(PAIRS)("%s, from all stages: %s; %s", async (name, first, second) => {
    const diagnosis = await diagnosisOn(name, wrongRun(name, [first, second]));
    expect(diagnosis.suspects.filter(({ fits }) => fits)).toEqual([]);
    expect(namesOf(diagnosis)).toEqual([joined(first, second)]);
  });

  // The mistake that shows first is put in last. Put in first, it would give another engine.
  it.each([
    ["routed_scaling_factor is never applied", "the shared expert is scaled"],
    ["an empty place", "a pipeline stage that begins with a shared layer"],
  ])("where their order matters: %s, on top of: %s", async (last, first) => {
    const wrong = wrongRun("tiny-all", [first, last]);
    expect(wrong).not.toEqual(wrongRun("tiny-all", [last, first]));
    expect(namesOf(await diagnosisOn("tiny-all", wrong))).toEqual([joined(first, last)]);
  });

  it.each([PAIRS[0], PAIRS[4], PAIRS[6]])(
    "%s, from logits alone: %s; %s",
    async (name, first, second) => {
      const logits = wrongRun(name, [first, second]).filter((t) => t.name.includes("logits"));
      expect(namesOf(await diagnosisOn(name, logits))).toContain(joined(first, second));
    },
  );

  it("the first is the one that begins first, and the second's beginning is told", async () => {
    const [name, first, second] = PAIRS[0];
    const [pair] = (await diagnosisOn(name, wrongRun(name, [second, first]))).pairs;
    expect(pair?.mistakes.map(({ bug }) => bug)).toEqual(["D6", "G39"]);
    expect(pair?.secondAt).toBe("ffn_moe_out-1");
  });
});

describe("nothing is named", () => {
  /** Adds noise to every number of the stages that a pattern names. */
  const noisy = (tensors: readonly NamedTensor[], stages: RegExp, size: number): NamedTensor[] =>
    tensors.map((tensor) => {
      const { data } = tensor;
      if (data instanceof Int32Array || !stages.test(tensor.name)) return tensor;
      const noise = random(referenceOps("f64"), ["n"], [data.length], 1).data;
      return { ...tensor, data: data.map((x, i) => x * (1 + size * (noise[i] as number))) };
    });

  it.each([1e-5, 1e-3, 1e-1])("for noise of %d", async (size) => {
    const right = wrongRun("tiny-all", []);
    for (const stages of [/./, /^l_out-1/, /^logits/]) {
      const { firstOff, suspects, pairs } = await diagnosisOn(
        "tiny-all",
        noisy(right, stages, size),
      );
      expect(firstOff).toBeDefined();
      expect([suspects.filter(({ fits }) => fits), pairs]).toEqual([[], []]);
    }
  });

  it("for noise in the logits alone", async () => {
    const right = wrongRun("tiny-all", []).filter(({ name }) => name === "logits");
    const { suspects, pairs } = await diagnosisOn("tiny-all", noisy(right, /./, 1e-3));
    expect([suspects.filter(({ fits }) => fits), pairs]).toEqual([[], []]);
  });

  it("for a right engine with a turned choice that the dump does not show", async () => {
    const dir = join(CASES, "custom-types");
    const expected = await expectation(dir);
    const [engine] = engines("f16-cache");
    const right = await openCase(dir, expected.info, engine ?? referenceOps("f32"));
    const shown = traceCase(right, expected.info).filter((t) => /^(l_out|logits)/.test(t.name));
    const runs = await runMutants(expected);
    const { firstOff, suspects, pairs } = await diagnosed(shown, expected, "f16-cache", runs);
    // Rounding can turn a choice that the dump lacks: the rows behind it are not judged.
    expect(firstOff).toBeUndefined();
    expect([suspects.filter(({ fits }) => fits), pairs]).toEqual([[], []]);
  });

  it("for a known mistake and one that is not in the list", async () => {
    const { right, expected } = caseOf("tiny-all");
    const doubled = (model: Model): Model => ({
      ...model,
      ops: {
        ...model.ops,
        latentAttention: (...args) => mapped(model.ops.latentAttention(...args), (x) => 2 * x),
      },
    });
    const wrong = mutantOf("gate and up are swapped").change(doubled(right));
    const { suspects, pairs } = await diagnosisOn("tiny-all", traceCase(wrong, expected.info));
    expect([suspects.filter(({ fits }) => fits), pairs]).toEqual([[], []]);
  });
});

// diagnose.test.ts says the same of the mistakes that this case was made for.
it("one mistake is never called two, on a case made for others", async () => {
  const others = caseOf("tiny-all").runs.filter(({ mutant }) => mutant.golden !== "tiny-all");
  expect(others.length).toBeGreaterThan(5);
  for (const { mutant } of others) {
    const { pairs } = await diagnosisOn("tiny-all", wrongRun("tiny-all", [mutant.what]));
    expect([mutant.what, pairs]).toEqual([mutant.what, []]);
  }
});

it("glm52 golden diagnose prints both, exit code 3", async () => {
  const file = join(scratchFolder(), "dump.safetensors");
  const origin = {
    ...{ engineVersion: "0", model: "tiny-all", configSha256: "", precision: "f32" as const },
    ...{ latentEps: 1e-6, tokens: [], command: "" },
  };
  writeFileSync(file, traceFile(wrongRun("tiny-all", [PAIRS[0][1], PAIRS[0][2]]), origin));
  const { code, stdout } = await glm52(["golden", "diagnose", file, "--case", TINY]);
  expect(code).toBe(3);
  expect(stdout).toContain("the dump is what these two mistakes together would give:");
  expect(stdout).toContain("  D6: the scores lack the ReLU\n  G39: gate and up are swapped");
  expect(stdout).toContain("the second is needed from ffn_moe_out-1 on");
});
