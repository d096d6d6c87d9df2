/**
 * Tests that no right engine is accused, whatever it rounds, whatever its dump has and in whatever
 * format, with and without `--replay`; and that what makes this so hides no known mistake.
 *
 * GLM52_FULL=1 judges each engine on each case in twelve dumps; otherwise two cases are judged, each
 * engine with one dump of each.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import { openCase } from "../../../../tools/golden/case/case.ts";
import type { EngineClass } from "../../../../tools/golden/case/engine-class.ts";
import {
  type Expectation,
  expectation,
  traceCase,
} from "../../../../tools/golden/case/expectation.ts";
import type { Dump } from "../../../../tools/golden/dump/dump.ts";
import { classOf } from "../../../../tools/golden/dump/found-class.ts";
import { check, textOf } from "../../../../tools/golden/index.ts";
import { runForced } from "../../../../tools/golden/judge/forced.ts";
import { judge } from "../../../../tools/golden/judge/judge.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import { CASES } from "../../../support/paths.ts";
import { PARTS, RIGHT, type RightEngine, type Stored, stored } from "./right-engines.ts";

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };
const isFull = GLM52_FULL === "1";
const NAMES = isFull ? readdirSync(CASES) : ["tiny-all", "groups2-bias"];

/** What a dump has and how it is judged. */
interface Way {
  readonly part: string;
  readonly format: Stored;
  readonly replay: boolean;
}
const WAYS: readonly Way[] = [false, true].flatMap((replay) => [
  ...Object.keys(PARTS).map((part) => ({ part, format: "F32" as const, replay })),
  ...["all stages", "logits"].map((part) => ({ part, format: "BF16" as const, replay })),
]);

const opened = new Map<string, Expectation>();
async function caseOf(name: string): Promise<Expectation> {
  const found = opened.get(name) ?? (await expectation(join(CASES, name)));
  opened.set(name, found);
  return found;
}

async function runOf(name: string, { ops }: RightEngine): Promise<NamedTensor[]> {
  const { info } = await caseOf(name);
  return traceCase(await openCase(join(CASES, name), info, ops), info);
}

const engineOf = (what: string): RightEngine => {
  const found = RIGHT.find((engine) => engine.what === what);
  if (!found) throw new Error(`no engine: ${what}`);
  return found;
};

const firstOff = (dump: Dump, expected: Expectation, kind: EngineClass, replay: boolean) =>
  judge(dump, expected, kind, replay ? runForced(dump, expected) : {}).firstOff;

describe.each(NAMES)("on %s no right engine is accused", (name) => {
  it.each(RIGHT.map((engine, i) => [engine.what, engine, i] as const))(
    "%s",
    async (_, engine, i) => {
      const expected = await caseOf(name);
      const run = await runOf(name, engine);
      const at = i + NAMES.indexOf(name) * RIGHT.length;
      for (const { part, format, replay } of isFull ? WAYS : [WAYS[at % WAYS.length] as Way]) {
        const dump = stored(run, format, PARTS[part]);
        const off = firstOff(dump, expected, engine.kind, replay);
        expect({ part, format, replay, off }).toEqual({ part, format, replay, off: undefined });
      }
      // All stages tell the class, and a dump in bf16 or f16 is judged as what its format says.
      expect(classOf(stored(run, "F32")).kind).toBe(engine.kind);
      if (engine.kind !== "f32") return;
      for (const format of ["BF16", "F16"] as const) {
        const dump = stored(run, format);
        expect(firstOff(dump, expected, classOf(dump).kind, i % 2 > 0)).toBeUndefined();
      }
    },
  );
});

describe("the accusations of the trial are mended", () => {
  it("f16 queries that are shown: the class is found and named", async () => {
    const run = await runOf("tiny-all", engineOf("f16 caches and queries, f32 sums"));
    const verdict = await check(run, { case: "tiny-all" });
    expect([verdict.status, verdict.engineClass]).toEqual(["right", "f16-attention"]);
    expect(textOf(verdict)).toContain(
      "class f16-attention: all numbers of indexer_q, q_pe, q_nope_absorbed are numbers of f16; it rounds to f16",
    );
  });

  it("logits that a dump in bf16 has made equal: the draft token is the one that was taken", async () => {
    const expected = await caseOf("tiny-all");
    const dump = stored(await runOf("tiny-all", engineOf("f32, sums forward")), "BF16");
    const { wanted } = runForced(dump, expected);
    const [right, run] = [expected.stages, wanted].map((stages) => stages.get("mtp_logits-1"));
    const off = right?.data.map((x, i) => Math.abs(x - (run?.data[i] ?? 0)));
    expect(Math.max(...(off ?? [1]))).toBeLessThan(1e-9); // another token gives other logits
    expect(firstOff(dump, expected, "bf16", true)).toBeUndefined();
  });

  it("groups of experts that rounding turns: explained, and what follows is right", async () => {
    const expected = await caseOf("groups2-bias");
    const dump = stored(await runOf("groups2-bias", engineOf("bf16")), "F32");
    const { stages, off } = judge(dump, expected, "bf16", runForced(dump, expected));
    expect(off).toEqual([]);
    expect(stages.find((stage) => stage.name === "ffn_moe_topk-3")?.verdict).toBe("explained");
  });
});

describe("keys that are rounded after the dump has taken them", () => {
  /** tiny-all with a turned choice in row 23 of layer 1, and scores that say so, or do not. */
  async function turned(withScores: boolean): Promise<{ dump: Dump; expected: Expectation }> {
    const expected = await caseOf("tiny-all");
    const run = [...expected.stages].map(([name, { shape, data }]) => ({
      ...{ name, shape, data: data.slice() },
    }));
    const dataOf = (name: string) => {
      const found = run.find((tensor) => tensor.name === name);
      if (!found) throw new Error(`no stage ${name}`);
      return found.data;
    };
    const scores = dataOf("indexer_score-1").subarray(23 * 24);
    const ranked = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
    const [last = 0, next = 0] = ranked.slice(3, 5);
    const [high = 0, low = 0] = [scores[last], scores[next]];
    if (withScores) scores[next] = high + (high - low) * 1e-3;
    for (const layer of [1, 2]) {
      const chosen = dataOf(`top_k-${layer}`).subarray(23 * 4);
      chosen[chosen.indexOf(last)] = next;
    }
    return { dump: stored(run, "F32"), expected };
  }

  it("turn a choice as the engine's own scores say", async () => {
    const { dump, expected } = await turned(true);
    expect(firstOff(dump, expected, "bf16", false)).toBeUndefined();
    expect(firstOff(dump, expected, "f32", false)).toBe("indexer_score-1");
  });

  it("do not explain a choice against the engine's own scores", async () => {
    const { dump, expected } = await turned(false);
    expect(firstOff(dump, expected, "bf16", false)).toBe("top_k-1");
  });
});

describe("nothing is hidden by that", () => {
  it("queries in f16 are off in class f16-cache, and the class of which they are not is named", async () => {
    const run = await runOf("tiny-all", engineOf("f16 attention"));
    const [q] = run.filter((tensor) => tensor.name === "q_nope-0");
    const verdict = await check(q ? [q] : [], { case: "tiny-all" });
    expect([verdict.status, verdict.engineClass]).toEqual(["wrong", "f32"]);
    expect(verdict.rightAs).toEqual(["f16-attention", "bf16"]);
    expect(textOf(verdict)).toContain("nothing is off for class f16-attention or bf16: if that is");
  });

  it("experts of a group that cannot be open are off in bf16", async () => {
    const { info, ...expected } = await caseOf("groups2-bias");
    const run = await runOf("groups2-bias", engineOf("bf16"));
    const mutant = MUTANTS.find(({ what }) =>
      what.startsWith("experts are chosen without the bias"),
    );
    const right = await openCase(join(CASES, "groups2-bias"), info, engineOf("bf16").ops);
    const wrong = stored(traceCase(mutant?.change(right) ?? right, info), "F32");
    expect(run.length).toBe(wrong.size);
    expect(firstOff(wrong, { info, ...expected }, "bf16", true)).toMatch(/^ffn_moe_topk/);
  });

  it("a draft token that is not among the largest is off", async () => {
    const expected = await caseOf("tiny-all");
    const run = await runOf("tiny-all", engineOf("f32, sums forward"));
    const other = run.map((tensor) => {
      if (tensor.name !== "mtp_enorm-1") return tensor;
      return { ...tensor, data: Float32Array.from(tensor.data).reverse() };
    });
    expect(firstOff(stored(other, "BF16"), expected, "bf16", true)).toBe("mtp_enorm-1");
  });
});

describe("choices that a dump does not show", () => {
  it("leave nothing to judge in the logits of bf16 where rounding can turn the first of them", async () => {
    const run = await runOf("tiny-all", engineOf("bf16"));
    const logits = run.filter((tensor) => tensor.name === "logits");
    const options = { case: "tiny-all", class: "bf16" } as const;
    const verdict = await check(logits, options);
    expect(["unknown", "allowed"]).toContain(verdict.status);
    expect(textOf(verdict)).toMatch(
      /ffn_moe_topk-1: not in the dump, and rounding of class bf16 can turn it, so rows from \d+ on/,
    );
    // In f32 no choice can be turned: the same logits are off.
    expect((await check(logits, { ...options, class: "f32" })).status).toBe("wrong");
  });

  it("hide no mistake of logits on the case that is certified for bf16", async () => {
    const expected = await caseOf("clear-bf16");
    const { ops } = engineOf("bf16");
    const right = await openCase(join(CASES, "clear-bf16"), expected.info, ops);
    const mutant = MUTANTS.find(({ what }) => what.startsWith("gate and up are swapped"));
    const wrong = traceCase(mutant?.change(right) ?? right, expected.info);
    const judged = (run: readonly NamedTensor[]) =>
      firstOff(stored(run, "F32", /^logits/), expected, "bf16", false);
    expect(judged(wrong)).toBe("logits");
    expect(judged(traceCase(right, expected.info))).toBeUndefined();
  });
});

describe("after choices of the dump that are others than the model's", () => {
  it("bounds are twice as wide, and no wider", async () => {
    const expected = await caseOf("tiny-all");
    const run = await runOf("tiny-all", engineOf("bf16"));
    const dump = stored(run, "F32");
    const forced = runForced(dump, expected);
    const boundsOf = (options: Parameters<typeof judge>[3]) =>
      new Map(judge(dump, expected, "bf16", options).stages.map((s) => [s.name, s.bound?.largest]));
    const [plain, replayed] = [boundsOf({}), boundsOf(forced)];
    const ratio = (name: string) => (replayed.get(name) ?? 0) / (plain.get(name) ?? 1);
    expect([ratio("qr-0"), ratio("logits")]).toEqual([1, 2]);
  });
});
