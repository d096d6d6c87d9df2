import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ops, referenceOps } from "../../engine/index.ts";
import type { Model } from "../../engine/model/model.ts";
import { openCase, readCase } from "../../tools/golden/case.ts";
import { checkDump, openGolden } from "../../tools/golden/check.ts";
import type { Dump } from "../../tools/golden/compare.ts";
import { diagnose, findMistakes, type MutantRun, runMutants } from "../../tools/golden/diagnose.ts";
import type { Mutant } from "../../tools/golden/mutants/mutant.ts";
import { MUTANTS } from "../../tools/golden/mutants.ts";
import { firstOtherBits } from "../support/compare.ts";
import { runAll } from "../support/run.ts";
import { glm52 } from "../tools/fake-terminal.ts";
import { scratchFolder, TINY, TINY_MODEL } from "../tools/paths.ts";

const folder = (name: string) => join(import.meta.dirname, name);

/** Another engine with these mistakes: f64, where the diagnosis runs f32. */
async function dumpOf(
  name: string,
  change: (right: Model) => Model,
  chunk?: number,
): Promise<Dump> {
  const info = await readCase(folder(name));
  const model = change(await openCase(folder(name), info, referenceOps("f64")));
  const { tokens, mtpSteps } = info;
  return runAll(model, tokens, { ...(chunk && { chunk }), ...(mtpSteps && { mtpSteps }) });
}

/** What an author may have dumped, and how many of the mistakes visible in it must be named. */
const VIEWS: readonly [string, (stage: string) => boolean, number][] = [
  ["all stages", () => true, 0.95],
  ["top_k, layer outputs and logits", (s) => /^(top_k|l_out)-|^logits$/.test(s), 0.95],
  ["logits alone", (s) => s === "logits", 0.95],
];

const names = [...new Set(MUTANTS.map((mutant) => mutant.golden))];
const runs = new Map<string, MutantRun[]>();
const dumps = new Map<Mutant, Dump>();
for (const name of names) runs.set(name, await runMutants(folder(name)));
for (const mutant of MUTANTS) {
  dumps.set(mutant, await dumpOf(mutant.golden, mutant.change, mutant.chunk));
}

/** Whether `mutant` is ranked first, or cannot be told from the first: both give the same bits. */
function isNamed(mutant: Mutant, first: Pick<Mutant, "what"> | undefined): boolean {
  const all = runs.get(mutant.golden) ?? [];
  const dump = (what?: string) => all.find((run) => run.mutants[0].what === what)?.dump;
  const [a, b] = [dump(mutant.what), dump(first?.what)];
  return a !== undefined && b !== undefined && firstOtherBits(a as never, b as never) === undefined;
}

describe.each(VIEWS)("seen only in %s", (_view, isSeen, atLeast) => {
  it(`at least ${100 * atLeast} % of the visible mistakes are named first`, async () => {
    let visible = 0;
    const missed: string[] = [];
    for (const [mutant, dump] of dumps) {
      const golden = await openGolden(folder(mutant.golden));
      const seen = new Map([...dump].filter(([stage]) => isSeen(stage)));
      const report = checkDump(golden, seen, "f32");
      if (report.verdict !== "differs") continue;
      visible++;
      const { suspects } = diagnose(golden, seen, report, runs.get(mutant.golden) ?? []);
      if (!isNamed(mutant, suspects[0]?.mutants[0])) missed.push(`${mutant.id}: ${mutant.what}`);
    }
    expect(visible).toBeGreaterThanOrEqual(44);
    expect(1 - missed.length / visible, missed.join("\n")).toBeGreaterThanOrEqual(atLeast);
  });
});

describe("a diagnosis", () => {
  const find = async (change: (right: Model) => Model) => {
    const golden = await openGolden(TINY);
    const dump = await dumpOf("tiny-all", change);
    return findMistakes(TINY, golden, dump, checkDump(golden, dump, "f32"));
  };
  const mutant = (what: string): Mutant => {
    const found = MUTANTS.find((one) => one.what.includes(what));
    if (!found) throw new Error(`no mutant ${what}`);
    return found;
  };

  it("accuses nobody where nothing is wrong", async () => {
    expect(await find((right) => right)).toEqual({ stage: undefined, suspects: [] });
  });

  it("finds two mistakes at once", async () => {
    const rope = mutant("the softmax scale leaves the rope width out");
    const gate = mutant("gate and up");
    const { suspects } = await find((right) => gate.change(rope.change(right)));
    expect(suspects[0].mutants.map(({ id }) => id).sort()).toEqual([rope.id, gate.id].sort());
  });

  it("knows no name for a mistake that is not in the list", async () => {
    const odd = (ops: Ops): Partial<Ops> => ({
      add: (a, b) => ops.add(a, { ...b, data: b.data.map((x) => 1.01 * x) }),
    });
    const { stage, suspects } = await find((right) => ({
      ...right,
      ops: { ...right.ops, ...odd(right.ops) },
    }));
    expect(stage).toBeDefined();
    expect(suspects).toEqual([]);
  });

  it("is printed by glm52 golden check --diagnose", async () => {
    const dump = join(scratchFolder(), "dump.safetensors");
    const tokens = (await readCase(TINY)).tokens.join();
    await glm52([
      "trace",
      "--model",
      TINY_MODEL,
      "--tokens",
      tokens,
      "--latent-eps",
      "1e-5",
      "--out",
      dump,
    ]);
    const { code, stdout } = await glm52([
      "golden",
      "check",
      dump,
      "--case",
      folder("tiny-all"),
      "--diagnose",
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /\ndiagnosis:\n {2}G17: .*\n {4}error at qr-0 \S+ against this mistake, \S+ against the model/,
    );
  });
});
