import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ops, referenceOps } from "../../engine/index.ts";
import { fromBf16, toBf16 } from "../../engine/weights/dtypes.ts";
import { type GoldenTensor, openCase, readCase } from "../../tools/golden/case.ts";
import { type CheckReport, checkDump, openGolden } from "../../tools/golden/check.ts";
import type { Dump } from "../../tools/golden/compare.ts";
import { distance, headOrder, logitsDistance } from "../../tools/golden/distance.ts";
import { MUTANTS } from "../../tools/golden/mutants.ts";
import { trace } from "../../tools/trace.ts";
import { fastOps } from "../ops-wasm/wasm.ts";
import { runAll } from "../support/run.ts";
import { glm52 } from "../tools/fake-terminal.ts";
import { scratchFolder, TINY, TINY_MODEL } from "../tools/paths.ts";

const root = import.meta.dirname;
const cases = readdirSync(root).filter((name) => existsSync(join(root, name, "case.json")));
const folder = (name: string) => join(root, name);

async function run(name: string, ops: Ops): Promise<Dump> {
  const info = await readCase(folder(name));
  const model = await openCase(folder(name), info, ops);
  const { mtpSteps } = info;
  const all = trace(model, { tokens: info.tokens, ...(mtpSteps && { mtpSteps }) });
  return new Map(all.map((tensor) => [tensor.name, tensor]));
}

const tiny = await openGolden(TINY);
const right = await run("tiny-all", referenceOps("f32"));

/** The first stage that is not as it should be. */
function first(report: CheckReport): string | undefined {
  return report.verdict === "same" ? undefined : report.stages.at(-1)?.name;
}

/** The tiny case with one stage replaced. */
function broken(name: string, change: (right: GoldenTensor) => GoldenTensor): CheckReport {
  const tensor = right.get(name);
  if (!tensor) throw new Error(`no stage ${name}`);
  return checkDump(tiny, new Map([...right, [name, change(tensor)]]), "f32");
}

const message = (report: CheckReport) => report.stages.at(-1)?.message;

describe("a right engine", () => {
  it.each(cases)("%s: f32 passes as f32, on both backends", async (name) => {
    const golden = await openGolden(folder(name));
    for (const ops of [referenceOps("f32"), await fastOps()]) {
      const report = checkDump(golden, await run(name, ops), "f32");
      expect([report.verdict, first(report), report.absent]).toEqual(["same", undefined, []]);
      expect(report.logits?.sameTop1).toBe(report.logits?.rows);
    }
  });

  it("whose stages were rounded to bf16 passes as bf16, and not as f32", () => {
    const rounded = new Map(
      [...right].map(([name, { shape, data }]) => [
        name,
        data instanceof Int32Array
          ? { shape, data }
          : { shape, data: Float32Array.from(data, (x) => fromBf16(toBf16(x))) },
      ]),
    );
    expect(first(checkDump(tiny, rounded, "bf16"))).toBeUndefined();
    expect(checkDump(tiny, rounded, "f32").verdict).toBe("differs");
  });

  it("may leave stages out, which is said", () => {
    const dump = new Map([...right].filter(([name]) => name === "logits"));
    const report = checkDump(tiny, dump, "f32");
    expect([report.verdict, report.stages.length]).toEqual(["same", 1]);
    expect(report.absent.length).toBe(tiny.want.size - 1);
  });
});

describe("every known bug, in f32", () => {
  it.each(MUTANTS.map((m) => [m.id, m.what, m.stage, m] as const))(
    "%s: %s → %s",
    async (_id, _what, stage, { golden: name, chunk, change }) => {
      const info = await readCase(folder(name));
      const wrong = change(await openCase(folder(name), info, referenceOps("f32")));
      const { mtpSteps } = info;
      const got = runAll(wrong, info.tokens, {
        ...(chunk && { chunk }),
        ...(mtpSteps && { mtpSteps }),
      });
      expect(first(checkDump(await openGolden(folder(name)), got, "f32"))).toBe(stage);
    },
  );
});

describe("a broken dump gets a precise sentence", () => {
  it("for NaN", () => {
    const report = broken("attn_out-1", ({ shape, data }) => {
      const copy = Float32Array.from(data);
      copy[shape[1] * 2 + 3] = Number.NaN;
      return { shape, data: copy };
    });
    expect(first(report)).toBe("attn_out-1");
    expect(message(report)).toMatch(/^expected -?[\d.e-]+, got NaN at \[2,3\]$/);
  });

  it("for another shape", () => {
    const report = broken("attn_out-1", ({ shape, data }) => ({
      shape: [shape[0] - 1, shape[1]],
      data: data.subarray(shape[1]),
    }));
    expect(message(report)).toMatch(/^expected shape \[24,\d+\], got \[23,\d+\]$/);
  });

  it("for selections in floats", () => {
    const report = broken("top_k-0", ({ shape, data }) => ({
      shape,
      data: Float32Array.from(data),
    }));
    expect(message(report)).toBe("expected integers, got floats");
  });

  it("for heads in another order", () => {
    const name = [...right].find(([n, t]) => n.startsWith("q_pe-") && t.shape[1] >= 2)?.[0];
    if (!name) throw new Error("no stage with heads");
    const report = broken(name, ({ shape: [nT, nH, nD], data }) => ({
      shape: [nT, nH, nD],
      data: Float32Array.from(data, (_, i) => {
        const [d, h, t] = [i % nD, Math.floor(i / nD) % nH, Math.floor(i / nD / nH)];
        return data[(t * nH + (nH - 1 - h)) * nD + d];
      }),
    }));
    expect(message(report)).toMatch(/^the heads are right, but in another order: 1,0|\d+,/);
  });

  it("for a selection that no rounding explains", () => {
    const report = broken("top_k-0", ({ shape, data }) => {
      const copy = Int32Array.from(data);
      const last = copy.subarray(-shape[1]);
      const unused = Array.from({ length: shape[0] }, (_, s) => s).find((s) => !last.includes(s));
      last[0] = unused ?? -1;
      return { shape, data: copy };
    });
    expect([report.verdict, first(report)]).toEqual(["differs", "top_k-0"]);
    expect(message(report)).toMatch(/^1 of 24 rows chose others, by more than/);
  });
});

describe("distance", () => {
  it("is zero of equal numbers, infinities among them, and known of others", () => {
    const inf = Number.NEGATIVE_INFINITY;
    expect(distance([1, inf, -2], [1, inf, -2])).toEqual({
      maxAbs: 0,
      maxRel: 0,
      nmse: 0,
      cosine: 1,
    });
    const { maxAbs, maxRel, nmse, cosine } = distance([3, 0], [0, 4]);
    expect([maxAbs, maxRel, nmse, cosine]).toEqual([4, 1, 25 / 16, 0]);
  });

  it("of logits: no KL to a shifted row, ln 2 to a certain answer from an even one", () => {
    const row = (...data: number[]) => ({ shape: [1, data.length], data: Float64Array.from(data) });
    expect(logitsDistance(row(5, 6), row(0, 1)).maxKl).toBeCloseTo(0, 14);
    expect(logitsDistance(row(0, 0), row(0, 800)).meanKl).toBeCloseTo(Math.LN2, 12);
  });

  it("headOrder says nothing of equal heads or of other numbers", () => {
    const x = { shape: [1, 2, 2], data: Float64Array.from([1, 2, 3, 4]) };
    const swapped = { shape: [1, 2, 2], data: Float64Array.from([3, 4, 1, 2]) };
    expect(headOrder(x, x, 1e-9)).toBeUndefined();
    expect(headOrder(swapped, x, 1e-9)).toEqual([1, 0]);
    expect(headOrder({ ...x, data: x.data.map((v) => v + 1) }, x, 1e-9)).toBeUndefined();
  });
});

describe("glm52 golden check", () => {
  const scratch = scratchFolder();
  const dump = join(scratch, "dump.safetensors");
  const check = (...args: string[]) => glm52(["golden", "check", ...args, "--case", TINY]);

  it("passes a trace of this engine, fails one with another epsilon, and names the stage", async () => {
    const tokens = (await readCase(TINY)).tokens.join();
    const traced = (eps: string) =>
      glm52([
        "trace",
        "--model",
        TINY_MODEL,
        "--tokens",
        tokens,
        "--latent-eps",
        eps,
        "--mtp-steps",
        "3",
        "--out",
        dump,
      ]);
    expect((await traced("1e-6")).code).toBe(0);
    const good = await check(dump);
    expect([good.code, good.stdout]).toEqual([
      0,
      expect.stringMatching(/stages agree as f32 may\n$/),
    ]);
    await traced("1e-2");
    const bad = await check(dump, "--json");
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.stdout).stages.at(-1).name).toBe("qr-0");

    const names = join(scratch, "names.json");
    writeFileSync(names, JSON.stringify({ "embed_tokens.out": "x" }));
    expect((await check(dump, "--names", names)).stderr).toMatch(
      "the dump has no embed_tokens.out",
    );
    writeFileSync(dump, readFileSync(dump).subarray(0, 50_000));
    const cut = await check(dump);
    expect([cut.code, cut.stderr]).toEqual([1, expect.stringMatching(/dump\.safetensors/)]);
  });
});
