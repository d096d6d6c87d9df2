/** Tests that `glm52 golden check` passes right engines, and says what is wrong with others. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { referenceOps } from "../../../../engine/index.ts";
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import { traceFile } from "../../../../engine/trace/trace-file.ts";
import { roundedOps } from "../../../../tools/golden/build/rounded-ops.ts";
import { openCase } from "../../../../tools/golden/case/case.ts";
import {
  type Expectation,
  expectation,
  traceCase,
} from "../../../../tools/golden/case/expectation.ts";
import { bf16 } from "../../../../tools/golden/case/rounding.ts";
import { asDump } from "../../../../tools/golden/dump/as-dump.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import { CASES, scratchFolder, TINY } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const NAMES = [...new Set(MUTANTS.map(({ golden }) => golden)), "bf16-small", "fused-experts"];
const folder = (name: string): string => join(CASES, name);
const opened = new Map<string, Expectation>();
for (const name of NAMES) opened.set(name, await expectation(folder(name)));
const caseOf = (name: string): Expectation => opened.get(name) as Expectation;

describe("a right engine passes every case", () => {
  // A turned choice of groups is not explained yet, and GLM-5.2 has one group.
  const ungrouped = NAMES.filter((name) => caseOf(name).model.config.nGroup === 1);
  it.each(ungrouped)("%s in bf16: no stage is off, turned choices are explained", (name) => {
    const { info, model } = caseOf(name);
    const rounded = { ...model, ops: roundedOps(model.ops, bf16) };
    const { firstOff, stages } = judge(asDump(traceCase(rounded, info)), caseOf(name), "bf16");
    expect(stages.find((stage) => stage.name === firstOff)).toBeUndefined();
  });
});

describe("a wrong engine in f32 is off, at the stage where the mistake begins", () => {
  const table = MUTANTS.map((mutant) => [mutant.bug, mutant.what, mutant] as const);
  it.each(table)("%s: %s", async (_bug, _what, { golden, stage, chunk, change, isLegal }) => {
    const expected = caseOf(golden);
    const right = await openCase(folder(golden), expected.info, referenceOps("f32"));
    const dump = asDump(traceCase(change(right), expected.info, chunk));
    const known = new Map([...dump].filter(([name]) => expected.inCase.has(name)));
    expect(judge(known, expected, "f32").firstOff).toBe(isLegal ? undefined : stage);
  });
});

const scratch = scratchFolder();
const right = traceCase(caseOf("tiny-all").model, caseOf("tiny-all").info).map((tensor) => ({
  ...tensor,
  data: tensor.data instanceof Int32Array ? tensor.data : Float32Array.from(tensor.data),
}));
const origin = {
  ...{ engineVersion: "0", model: "tiny-all", configSha256: "", precision: "f32" as const },
  ...{ latentEps: 1e-6, tokens: [], command: "" },
};
const bytesOf = (tensors: readonly NamedTensor[]): Uint8Array => traceFile(tensors, origin);
const change = (name: string, f: (tensor: NamedTensor) => NamedTensor): Uint8Array =>
  bytesOf(right.map((tensor) => (tensor.name === name ? f(tensor) : tensor)));

let nFiles = 0;
const check = (bytes: Uint8Array, ...more: string[]) => {
  const file = join(scratch, `${nFiles++}.safetensors`);
  writeFileSync(file, bytes);
  return glm52(["golden", "check", file, "--case", TINY, ...more]);
};

/** Exchanges two heads of a `[T, H, d]` tensor of two heads. */
const turnHeads = (tensor: NamedTensor): NamedTensor => {
  const d = tensor.shape[2];
  const data = tensor.data.slice();
  for (let at = 0; at < data.length; at += 2 * d) {
    data.set(tensor.data.subarray(at + d, at + 2 * d), at);
    data.set(tensor.data.subarray(at, at + d), at + d);
  }
  return { ...tensor, data };
};

describe("glm52 golden check", () => {
  it("passes a right dump with exit code 0 and says how many stages it compared", async () => {
    const { code, stdout } = await check(bytesOf(right));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok: 146 stages of tiny-all$/m);
  });

  const spoiled: [string, Uint8Array, string][] = [
    [
      "a NaN",
      change("qr-1", (t) => ({ ...t, data: t.data.map((x, i) => (i === 35 ? Number.NaN : x)) })),
      "qr-1: NaN at [2, 3]: expected finite numbers",
    ],
    [
      "floats for positions",
      change("top_k-0", (t) => ({ ...t, data: Float32Array.from(t.data) })),
      "top_k-0: wrong dtype: expected I32 or I64, got F32",
    ],
    [
      "another shape",
      change("q_pe-0", (t) => ({ ...t, shape: [2, 24, 4] })),
      "q_pe-0: wrong shape: expected [24,2,4], got [2,24,4]",
    ],
    [
      "permuted heads",
      change("q_pe-0", turnHeads),
      "the heads are permuted: the dump has the expected 1, 0 in this order",
    ],
    [
      "a missing scale",
      change("ffn_moe_out-1", (t) => ({ ...t, data: t.data.map((x) => x / 2.5) })),
      "every number is 0.400000 times the expected one",
    ],
  ];
  it.each(spoiled)("names %s and exits with 3", async (_what, bytes, sentence) => {
    const { code, stdout } = await check(bytes);
    expect(code).toBe(3);
    expect(stdout).toContain(sentence);
  });

  it("says which stages are missing and which tensors are unknown, and judges the rest", async () => {
    const some = right
      .filter(({ name }) => name !== "l_out-3")
      .map((tensor) => (tensor.name === "qr-0" ? { ...tensor, name: "my.q" } : tensor));
    const { code, stdout } = await check(bytesOf(some));
    expect(code).toBe(0);
    expect(stdout).toContain("missing: 2 of 146 stages: qr-0, l_out-3");
    expect(stdout).toContain("unknown: 1 tensors: my.q");
  });

  it("takes HF's module names, and the user's own with --names", async () => {
    const renamed = right
      .filter(({ name }) => name === "l_out-1" || name === "qr-0")
      .map((t) => ({ ...t, name: t.name === "l_out-1" ? "model.layers.1" : "blk.0.q" }));
    const names = join(scratch, "names.json");
    writeFileSync(names, JSON.stringify({ "blk.{l}.q": "qr-{l}" }));
    const { code, stdout } = await check(bytesOf(renamed), "--names", names, "--json");
    expect(code).toBe(0);
    const { stages, unknown } = JSON.parse(stdout);
    const seen = stages.filter(({ verdict }: { verdict: string }) => verdict === "ok");
    expect(seen.map(({ name }: { name: string }) => name)).toEqual(["qr-0", "l_out-1"]);
    expect(unknown).toEqual([]);
  });

  const whole = bytesOf(right);
  const unreadable: [string, Uint8Array, RegExp][] = [
    ["a truncated file", whole.slice(0, -1000), /expected tensors for \d+ bytes of data, got \d+/],
    ["a header cut off", whole.slice(0, 100), /expected a header of \d+ bytes, got a file of 100/],
    [
      "no stage that the case knows",
      bytesOf([{ ...(right[0] as NamedTensor), name: "x" }]),
      /expected stages of tiny-all, such as inp_embd, .*; got x\. --names can map them/,
    ],
  ];
  it.each(unreadable)("refuses %s with exit code 1", async (_what, bytes, sentence) => {
    const { code, stdout, stderr } = await check(bytes);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(sentence);
  });

  it("reads HF's own float32 run of every case as right", async () => {
    for (const name of NAMES) {
      const file = join(folder(name), "f32.safetensors");
      expect(readFileSync(file).length).toBeGreaterThan(0);
      const { code, stdout } = await glm52(["golden", "check", file, "--case", folder(name)]);
      expect([code, stdout.split("\n").at(-2)]).toEqual([0, expect.stringContaining("ok: ")]);
    }
  });
});
