/**
 * Tests that `glm52 golden build` makes the golden pack, and that its claims about rounding hold.
 */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { referenceOps } from "../../../../engine/index.ts";
import { STAGE_NAMES } from "../../../../engine/trace/trace.ts";
import { engines } from "../../../../tools/golden/build/arithmetics.ts";
import { openCase, readCase, readDump } from "../../../../tools/golden/case/case.ts";
import { CLASSES } from "../../../../tools/golden/case/engine-class.ts";
import type { Envelope } from "../../../../tools/golden/case/envelope-file.ts";
import { traceCase } from "../../../../tools/golden/case/expectation.ts";
import { listFiles, type Manifest } from "../../../../tools/golden/case/manifest.ts";
import { borders, gaps } from "../../../../tools/golden/judge/margins.ts";
import { CASES, ROOT, scratchFolder } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };
const PACK = join(ROOT, "golden");
const json = (file: string) => JSON.parse(readFileSync(file, "utf8"));
const manifest: Manifest = json(join(PACK, "manifest.json"));
const envelopeOf = (name: string): Envelope => json(join(CASES, name, "envelope.json"));
const scratch = scratchFolder();

describe("the committed pack", () => {
  it("is listed in its manifest, file by file, and has at most 20 MB", async () => {
    expect(await listFiles(PACK)).toEqual(manifest.files);
    const nBytes = Object.values(manifest.files).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(nBytes).toBeLessThan(20e6);
  });

  // GLM52_FULL=1 takes all cases; otherwise one with a GGUF, one with ties, and one with shards.
  const some = ["clear-bf16", "ties-one-head", "sharded"];
  const built = GLM52_FULL === "1" ? Object.keys(manifest.cases) : some;
  it(`is made again byte for byte by golden build: ${built.join(", ")}`, async () => {
    const [from, out] = [join(scratch, "from"), join(scratch, "out")];
    for (const name of built) {
      for (const file of [
        "case.json",
        "tokens.json",
        "model",
        "f32.safetensors",
        "f64.safetensors",
      ])
        cpSync(join(CASES, name, file), join(from, "cases", name, file), { recursive: true });
    }
    const { code, stdout } = await glm52([
      "golden",
      "build",
      "--from",
      from,
      "--out",
      out,
      "--json",
    ]);
    expect(code).toBe(0);
    const again: Manifest = JSON.parse(stdout);
    const isBuilt = (path: string) =>
      /^(names|ops|selections)\./.test(path) || built.includes(path.split("/")[1] ?? "");
    const wanted = Object.entries(manifest.files).filter(([path]) => isBuilt(path));
    expect(again.files).toEqual(Object.fromEntries(wanted));
    expect(again).toEqual(json(join(out, "manifest.json")));
  });

  it("names a stage of every other engine's in names.json, and only stages that there are", () => {
    const { stages } = json(join(PACK, "names.json"));
    const known = new Set<string>([...STAGE_NAMES, "inp_embd", "result_norm", "logits"]);
    expect(Object.keys(stages).filter((name) => !known.has(name.replace("-{l}", "")))).toEqual([]);
    expect(stages["top_k-{l}"].hf).toBe("model.layers.{l}.self_attn.indexer");
    expect(stages.logits["llama.cpp"]).toBe("result_output");
  });

  it("is not written over a folder that is something else", async () => {
    const out = join(scratch, "mine");
    mkdirSync(out);
    writeFileSync(join(out, "letter.txt"), "dear");
    const { code, stderr } = await glm52(["golden", "build", "--out", out]);
    expect(code).toBe(1);
    expect(stderr).toContain("expected a new or empty folder, or a golden pack");
    expect(readFileSync(join(out, "letter.txt"), "utf8")).toBe("dear");
  });
});

/** The stages where an engine of a class, run without replay, chooses otherwise than the case. */
async function turned(name: string, kind: Parameters<typeof engines>[0]): Promise<string[]> {
  const dir = join(CASES, name);
  const info = await readCase(dir);
  const want = await readDump(join(dir, "f64.safetensors"));
  const list: string[] = [];
  for (const ops of engines(kind)) {
    for (const { name: stage, data } of traceCase(await openCase(dir, info, ops), info)) {
      const right = want.get(stage)?.data;
      if (right instanceof Int32Array && String(right) !== String(data)) list.push(stage);
    }
  }
  return list;
}

describe("certified cases", () => {
  const table = Object.entries(manifest.cases).flatMap(([name, { certified }]) =>
    name === "long-520" ? [] : certified.map((kind) => [name, kind] as const),
  );
  it.each(table)("%s: engines of the class %s choose exactly what it says", async (name, kind) => {
    expect(await turned(name, kind)).toEqual([]);
  });

  it("are chosen for that: on tiny-all, bf16 turns choices", async () => {
    expect(manifest.cases["tiny-all"]?.certified).toEqual(["f32"]);
    expect((await turned("tiny-all", "bf16")).length).toBeGreaterThan(0);
  });

  it("are there for every class", () => {
    const classes = Object.values(manifest.cases).flatMap(({ certified }) => certified);
    expect(new Set(classes)).toEqual(new Set(CLASSES));
  });
});

describe("same bits", () => {
  const short = Object.entries(manifest.cases).flatMap(([name, { tokens }]) =>
    tokens > 100 ? [] : [name],
  );
  it.each(short)("%s: in steps of 1, 3 and 7 tokens as in one piece", async (name) => {
    const dir = join(CASES, name);
    const info = await readCase(dir);
    const model = await openCase(dir, info, referenceOps("f32"));
    const bits = (chunk: number) =>
      traceCase(model, info, chunk).map(({ name: stage, data }) => {
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        return [stage, createHash("sha256").update(bytes).digest("hex")];
      });
    const whole = bits(info.tokens.length);
    for (const chunk of [1, 3, 7]) expect(bits(chunk)).toEqual(whole);
  });
});

describe("ties", () => {
  it("ties-one-head: the expected rows hold all that must be chosen and the lowest of the rest", async () => {
    const want = await readDump(join(CASES, "ties-one-head", "f64.safetensors"));
    const { ties } = envelopeOf("ties-one-head");
    const rows = Object.entries(ties).flatMap(([stage, list]) =>
      list.map((t) => [stage, t] as const),
    );
    expect(rows.length).toBeGreaterThan(20);
    for (const [stage, { row, always, any, of }] of rows) {
      const top = want.get(stage);
      if (!top) continue;
      const width = top.shape[1] ?? 0;
      const chosen = [...top.data.subarray(row * width, (row + 1) * width)].filter((s) => s >= 0);
      expect(chosen).toEqual([...always, ...of.slice(0, any)].sort((a, b) => a - b));
    }
  });
});

describe("borders and gaps", () => {
  const inf = Number.NEGATIVE_INFINITY;
  const scores = {
    shape: [4, 4],
    data: Float64Array.of(1, inf, inf, inf, 5, 2, inf, inf, 4, 1, 3, inf, 7, 2, 2, 2),
  };

  it("give the distance between the last chosen and the best other, where something is dropped", () => {
    const found = borders(scores, 2);
    expect(found.chosen).toEqual([undefined, undefined, [0, 2], undefined]);
    expect(found.ties).toEqual([{ row: 3, always: [0], any: 1, of: [1, 2, 3] }]);
    expect([...gaps(scores, found)]).toEqual([Number.NaN, Number.NaN, 2, Number.NaN]);
  });

  it("are negative for scores that choose otherwise", () => {
    const other = { ...scores, data: scores.data.map((x, i) => (i === 9 ? 3.5 : x)) };
    expect(gaps(other, borders(scores, 2))[2]).toBe(-0.5);
  });
});
