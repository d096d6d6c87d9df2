/**
 * Tests that `glm52.ts/golden` gives the verdicts of the command line as data, and can be stopped.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import { traceFile } from "../../../engine/trace/trace-file.ts";
import { roundedOps } from "../../../tools/golden/build/rounded-ops.ts";
import { expectation, traceCase } from "../../../tools/golden/case/expectation.ts";
import { bf16 } from "../../../tools/golden/case/rounding.ts";
import {
  type CheckOptions,
  CLASSES,
  cases,
  check,
  diagnose,
  type Explanation,
  explain,
  htmlOf,
  jsonOf,
  junitOf,
  nameOf,
  passes,
  type Step,
  selfCheck,
  textOf,
} from "../../../tools/golden/index.ts";
import { MUTANTS } from "../../../tools/golden/mutants/all.ts";
import { CASES, ROOT, scratchFolder, TINY } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const { model, info } = await expectation(TINY);
const inF32 = (tensors: readonly NamedTensor[]): NamedTensor[] =>
  tensors.map((tensor) => ({
    ...tensor,
    data: tensor.data instanceof Int32Array ? tensor.data : Float32Array.from(tensor.data),
  }));
const right = inF32(traceCase(model, info));
const mutant = MUTANTS.find(({ what }) => what.startsWith("the indexer rotates halves"));
if (!mutant) throw new Error("no mutant rotates the indexer's halves");
const wrong = inF32(traceCase(mutant.change(model), info, mutant.chunk));
const bytesOf = (tensors: readonly NamedTensor[]): Uint8Array =>
  traceFile(tensors, {
    ...{ engineVersion: "0", model: "tiny-all", configSha256: "", precision: "f32" as const },
    ...{ latentEps: 1e-6, tokens: [], command: "" },
  });
const file = join(scratchFolder(), "wrong.safetensors");
writeFileSync(file, bytesOf(wrong));
const OPTIONS: CheckOptions = { case: "tiny-all" };

describe("check", () => {
  it("says the same of a path, of bytes and of tensors", async () => {
    const verdicts = await Promise.all([file, bytesOf(wrong), wrong].map((x) => check(x, OPTIONS)));
    for (const verdict of verdicts) expect(jsonOf(verdict)).toEqual(jsonOf(verdicts[0]));
    const [{ status, engineClass, firstWrong, judged }] = verdicts;
    expect([status, engineClass, firstWrong?.name]).toEqual(["wrong", "f32", mutant.stage]);
    const { bound, distance } = firstWrong ?? {};
    expect(distance?.largest).toBeGreaterThan(bound?.largest ?? Number.POSITIVE_INFINITY);
    expect(judged.dump.size).toBe(wrong.length);
  });

  it("prints what the command line prints", async () => {
    const verdict = await check(file, { case: TINY });
    const cli = (...more: string[]) => glm52(["golden", "check", file, "--case", TINY, ...more]);
    const wayOn = `the mistake behind it: glm52 golden diagnose ${file} --case ${TINY}\n`;
    expect(textOf(verdict) + wayOn).toBe((await cli("--no-explain")).stdout);
    const explanation = (await explain(verdict)) as Explanation;
    expect(textOf(verdict) + textOf(explanation) + wayOn).toBe((await cli()).stdout);
    const json = JSON.stringify(jsonOf(verdict, explanation));
    expect(`${json}\n`).toBe((await cli("--json")).stdout);
    expect(htmlOf(verdict, "wrong")).toContain("<title>wrong against tiny-all</title>");
    expect(junitOf(verdict)).toContain(`name="${mutant.stage}"><failure`);
  });

  it("finds a right dump right, and one allowed that turns a choice as rounding may", async () => {
    expect(await check(right, OPTIONS)).toMatchObject({ status: "right", firstWrong: undefined });
    const rounded = traceCase({ ...model, ops: roundedOps(model.ops, bf16) }, info);
    const verdict = await check(rounded, { ...OPTIONS, class: "bf16" });
    expect([verdict.status, verdict.firstWrong]).toEqual(["allowed", undefined]);
  });

  it("takes the class, other names, and the choices of the dump", async () => {
    const renamed = right.map((tensor) => ({ ...tensor, name: `my.${tensor.name}` }));
    const names = Object.fromEntries(right.map(({ name }) => [`my.${name}`, name]));
    const verdict = await check(renamed, { ...OPTIONS, names, class: "bf16", replay: true });
    expect([verdict.status, verdict.engineClass]).toEqual(["right", "bf16"]);
    expect(verdict.replayed?.forced.has("top_k-0")).toBe(true);
    await expect(check(renamed, OPTIONS)).rejects.toThrow(
      "dump: expected stages of tiny-all, such as inp_embd",
    );
  });
});

describe("diagnose", () => {
  it("names the mistake of a dump, and of a verdict on it, also of one with replay", async () => {
    for (const from of [wrong, await check(wrong, { ...OPTIONS, replay: true })]) {
      const diagnosis = await ("judged" in from ? diagnose(from) : diagnose(from, OPTIONS));
      const [first] = diagnosis.suspects;
      expect([first?.fits, first && nameOf(first)]).toEqual([true, nameOf(mutant)]);
      expect(textOf(diagnosis)).toContain(nameOf(mutant));
    }
  });

  it("has nothing to say of a right dump", async () => {
    expect(textOf(await diagnose(right, OPTIONS))).toMatch(/^nothing to diagnose/);
  });
});

describe("work can be followed and stopped", () => {
  it("tells each step up to its end", async () => {
    const ends = new Map<Step, boolean>();
    const onProgress = (step: Step, done: number, total: number) => ends.set(step, done === total);
    await diagnose(file, { ...OPTIONS, onProgress });
    expect([...ends]).toEqual([
      ["reading", true],
      ["running the model", true],
      ["running known mistakes", true],
      ["searching what explains it", true],
    ]);
  });

  it.each<Step>(["reading", "running the model", "running known mistakes"])(
    "stops while %s",
    async (at) => {
      const stop = new AbortController();
      const seen: Step[] = [];
      const onProgress = (step: Step) => {
        seen.push(step);
        if (step === at) stop.abort(new Error("enough"));
      };
      const work = diagnose(file, { ...OPTIONS, onProgress, signal: stop.signal });
      await expect(work).rejects.toThrow("enough");
      expect(seen.at(-1)).toBe(at);
      expect(seen.filter((step) => step === at)).toHaveLength(1);
    },
  );

  it("stops from outside, between two runs", async () => {
    const verdict = await check(wrong, OPTIONS);
    const stop = new AbortController();
    setImmediate(() => stop.abort(new Error("enough")));
    await expect(diagnose(verdict, { signal: stop.signal })).rejects.toThrow("enough");
  });

  it("does not begin when it is stopped already", async () => {
    const signal = AbortSignal.abort(new Error("never"));
    await expect(check(join(CASES, "none"), { ...OPTIONS, signal })).rejects.toThrow("never");
    await expect(selfCheck({ signal })).rejects.toThrow("never");
  });
});

it("selfCheck passes on the cases named", async () => {
  const results = await selfCheck({ cases: ["dense-only"] });
  expect(results.map(({ backend }) => backend)).toEqual(["reference", "wasm"]);
  expect(results.every(passes)).toBe(true);
  expect(textOf(results)).toContain("2 of 2 runs pass");
});

it("cases lists the pack: every case, what it is for, and for whom it is certified", async () => {
  const listed = await cases();
  expect(listed.map(({ name }) => name)).toEqual(readdirSync(CASES).sort());
  for (const { folder, purpose, nTokens } of listed) {
    expect(existsSync(join(folder, "model/config.json"))).toBe(true);
    expect([purpose.length > 0, nTokens > 0]).toEqual([true, true]);
  }
  const clear = listed.find(({ name }) => name === "clear-bf16");
  expect(clear?.certified).toEqual(CLASSES);
});

it("nothing prints, ends the process or reads the command line", () => {
  const folder = join(ROOT, "tools/golden");
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [path, readFileSync(join(folder, path), "utf8")] as const);
  expect(sources.length).toBeGreaterThan(50);
  const pattern =
    /\b(console\.|process\.exit|argv|stdout\.write|stderr\.write|from "node:process")/;
  expect(sources.filter(([, text]) => pattern.test(text)).map(([path]) => path)).toEqual([
    "index.ts", // the example in its description
  ]);
});
