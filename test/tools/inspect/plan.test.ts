/**
 * Tests of `glm52 plan`, against figures of GLM-5.2 that a second program in Python has computed:
 * `python3 tools/golden/oracle/costs.py > test/tools/inspect/plan-costs.json`
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../engine/config/config.ts";
import { quantize } from "../../../tools/convert/quantize-model.ts";
import {
  expandedPrefillFlops,
  prefillFlops,
  SCHEDULES,
  type Schedule,
  tokenFlops,
} from "../../../tools/inspect/flops.ts";
import { planFor } from "../../../tools/inspect/plan.ts";
import { renderSvg } from "../../../tools/inspect/plan-svg.ts";
import {
  KV_FORMATS,
  kvBytesPerToken,
  readBytes,
  weightBytes,
} from "../../../tools/inspect/sizes.ts";
import { openConfig } from "../../../tools/node/open-config.ts";
import { GLM51, GLM52 } from "../../engine/weights/configs.ts";
import { tinyConfig } from "../../engine/weights/fixtures.ts";
import { DEMO_MODEL, scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const oracle = JSON.parse(readFileSync(join(import.meta.dirname, "plan-costs.json"), "utf8"));
const config = parseConfig(GLM52);
const scratch = scratchFolder();
const file = join(scratch, "config.json");
writeFileSync(file, JSON.stringify(GLM52));

/** FLOPs by part: weights, attention, indexer. */
interface Row extends Record<Schedule | "prefill", readonly number[]> {
  readonly context: number;
  readonly expandedPrefill: number;
}

const total = (parts: readonly number[]): number => parts.reduce((a, b) => a + b);

describe("GLM-5.2", () => {
  it.each<Row>(oracle.contexts)("costs at $context tokens what the witness counts", (row) => {
    for (const schedule of SCHEDULES) {
      const { weights, attention, indexer } = tokenFlops(config, schedule, row.context);
      expect([weights, attention, indexer], schedule).toEqual(row[schedule]);
    }
    // Above 2^53 the sums are rounded, here and when the JSON is read.
    const prefill = prefillFlops(config, "indexShare", row.context);
    expect(prefill.total / total(row.prefill)).toBeCloseTo(1, 12);
    expect(prefill.indexer / row.prefill[2]).toBeCloseTo(1, 12);
    expect(expandedPrefillFlops(config, row.context) / row.expandedPrefill).toBeCloseTo(1, 12);
  });

  it("needs 2.74 times fewer FLOPs at 1M than with an indexer in every layer", () => {
    const rate = { gflops: 100, source: "given" } as const;
    const [at] = planFor(config, { name: "GLM-5.2", contexts: [2 ** 20], rate }).contexts;
    expect(at.timesIndexShare.dsaEveryLayer).toBeCloseTo(oracle.conventions.shipped, 12);
    expect(at.timesIndexShare.dsaEveryLayer.toFixed(2)).toBe("2.74");
    expect(at.timesIndexShare.dense.toFixed(1)).toBe("40.3");
    expect((at.prefill.seconds / 3600).toFixed(1)).toBe("564.2");
    // MODEL.md §8.3 says which assumptions give 2.9.
    expect(oracle.conventions.quarter.toFixed(2)).toBe("2.87");
    expect(oracle.conventions.quarterExpandedHeads.toFixed(2)).toBe("2.95");
    expect(oracle.conventions.shippedWithoutHeadAndCore.toFixed(2)).toBe("2.89");
  });

  it("keeps the bytes per token that the witness counts", () => {
    for (const format of KV_FORMATS) {
      const { latent, index } = kvBytesPerToken(config, format);
      expect([latent, index], format).toEqual(oracle.kvBytesPerToken[format]);
    }
  });

  it("has weights as large as the two released repositories", () => {
    // These numbers were counted in the headers of the files; see MODEL.md §3.
    expect(weightBytes(config, "fp8").total).toBe(755_617_140_416);
    expect(weightBytes(config, "bf16").total).toBe(2 * 753_329_921_024 + 4 * 19_456);
  });

  it("is GLM-5.1 when no layer shares", () => {
    const c = parseConfig(GLM51);
    expect(tokenFlops(c, "indexShare", 131072)).toEqual(
      tokenFlops(config, "dsaEveryLayer", 131072),
    );
    expect(kvBytesPerToken(c, "fp8").total).toBe(61_464);
  });
});

it("a prefill is the sum of its tokens, below and above the top-k", () => {
  const schedule = fc.constantFrom(...SCHEDULES);
  const length = fc.integer({ min: 1, max: 4 * tinyConfig.indexTopk + 5 });
  fc.assert(
    fc.property(schedule, length, (kind, n) => {
      const one = Array.from({ length: n }, (_, i) => tokenFlops(tinyConfig, kind, i + 1));
      const all = prefillFlops(tinyConfig, kind, n);
      expect(all.total).toBe(total(one.map((flops) => flops.total)));
      expect(all.attention).toBe(total(one.map(({ attention }) => attention)));
    }),
  );
});

it("what is said to fit does fit, and one token more does not", () => {
  const rate = { gflops: 1, source: "given" } as const;
  fc.assert(
    fc.property(fc.integer({ min: 1e9, max: 2e12 }), (ramBytes) => {
      const plan = planFor(config, { name: "", contexts: [1], rate, ramBytes });
      for (const fit of plan.ram?.fits ?? []) {
        const { total, withoutRoutedExperts } = plan.weightBytes[fit.weights];
        const kept = { all: total, withoutRoutedExperts, none: ramBytes }[fit.inMemory];
        expect(fit.bytesLeft).toBe(ramBytes - kept);
        for (const format of KV_FORMATS) {
          const bytes = plan.kvBytesPerToken[format].total;
          const n = fit.longestContext[format].allRows;
          expect(kept + n * bytes).toBeLessThanOrEqual(ramBytes);
          if (n < 2 ** 20) expect(kept + (n + 1) * bytes).toBeGreaterThan(ramBytes);
        }
      }
    }),
    { numRuns: 30 },
  );
});

it("the SVG has a rising curve for each schedule, and the name as text", () => {
  const rate = { gflops: 1, source: "given" } as const;
  const svg = renderSvg(planFor(config, { name: "<b>&", contexts: [1], rate }));
  for (const schedule of SCHEDULES) {
    const [, points] = new RegExp(`id="${schedule}" points="([^"]+)"`).exec(svg) ?? [];
    const heights = points.split(" ").map((point) => Number(point.split(",")[1]));
    expect(heights).toHaveLength(11);
    expect(heights[10]).toBeLessThan(heights[0]);
    expect([...heights].sort((a, b) => b - a)).toEqual(heights);
  }
  expect(svg).toContain("&lt;b&gt;&amp;");
  expect(svg).not.toContain("<b>");
});

it.each(["q8", "q4"] as const)("a model has the bytes in %s that quantize writes", async (to) => {
  const report = await quantize(DEMO_MODEL, join(scratch, to), { to });
  const { config: demo } = await openConfig(DEMO_MODEL);
  const header = 8 + readFileSync(join(scratch, to, "model.safetensors")).readUInt32LE(0);
  expect(weightBytes(demo, to).total).toBe(report.bytes - header);
});

it("a step reads fewer weights than there are: the chosen experts, one row of the embedding", () => {
  // MODEL.md counts 40.6 billion active parameters with the head; in bf16 they are two bytes each.
  const active = readBytes(config, "bf16") / 2e9;
  expect(active).toBeGreaterThan(39);
  expect(active).toBeLessThan(43);
  const rate = { gflops: 1, source: "given" } as const;
  const [short, long] = planFor(config, { name: "", contexts: [1024, 2 ** 20], rate }).contexts;
  const keys = kvBytesPerToken(config, "f32").index;
  const rows = kvBytesPerToken(config, "f32").latent * (config.indexTopk - 1024);
  expect(long.decode.q4 - short.decode.q4).toBeCloseTo(keys * (2 ** 20 - 1024) + rows, 0);
});

describe("glm52 plan", () => {
  it("prints JSON with GFLOP per token at the contexts asked for, ascending", async () => {
    const argv = ["plan", file, "--context", "1M,128K", "--gflops", "100", "--json"];
    const { code, stdout, stderr } = await glm52([...argv, "--ram", "24GB"]);
    expect([code, stderr]).toEqual([0, ""]);
    const plan = JSON.parse(stdout);
    expect(plan.contexts.map((at: { context: number }) => at.context)).toEqual([131072, 1048576]);
    const { dense, dsaEveryLayer, indexShare } = plan.contexts[0].gflopPerToken;
    const rounded = [dense, dsaEveryLayer, indexShare].map((g) => Number(g.toFixed(1)));
    expect(rounded).toEqual([1504, 188.3, 125.6]);
    expect(plan.ram.bytes).toBe(24e9);
    expect(plan.rate).toEqual({ gflops: 100, source: "given" });
  });

  it("prints at most 80 columns, and a chart with all three curves", async () => {
    const argv = ["plan", file, "--gflops", "20", "--ram", "24GB"];
    const { code, stdout } = await glm52([...argv, "--context", "1000000,1,4K,8K,64K,1M"]);
    expect(code).toBe(0);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^ {2}1M +1147\d +779\.2 +284\.6 +2\.74x +40\.30x$/m);
    expect(stdout).toContain("prefill at 20 GFLOP/s, as given");
    const chart = stdout.split("\n").filter((line) => /^ +[0-9.]+ \|/.test(line));
    expect(chart).toHaveLength(12);
    for (const letter of "das") expect(chart.join("")).toContain(letter);
  });

  it("counts a folder's files, measures this machine, and writes the chart", async () => {
    const svg = join(scratch, "chart.svg");
    const argv = ["plan", TINY_MODEL, "--threads", "1", "--json", "--svg", svg];
    const { code, stdout, stderr } = await glm52(argv);
    expect([code, stderr]).toEqual([0, `${svg}: FLOPs per token, model\n`]);
    const { rate, fileBytes, weightBytes: weights } = JSON.parse(stdout);
    expect(rate).toMatchObject({
      source: "measured",
      measured: expect.stringContaining("1 thread,"),
    });
    expect(rate.gflops).toBeGreaterThan(0);
    expect(fileBytes).toBe(weights.f32.total);
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg [\s\S]+<\/svg>\n$/);
  });

  it("knows the demo model without an argument, and its rates of prefill and decode", async () => {
    const argv = ["plan", "--context", "1K,8K", "--ram", "24GB", "--threads", "1"];
    const { code, stdout } = await glm52(argv);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^demo-model: 8 layers/);
    expect(stdout).toMatch(/^prefill at [\d.]+ GFLOP\/s, slowest run [\d.]+$/m);
    expect(stdout).toMatch(/^decode at [\d.]+ GB\/s, slowest run [\d.]+: tokens\/s at most/m);
    expect(stdout).toMatch(/^ {2}context +f32 +bf16 +fp8 +q8 +q4$/m);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("calls a released model by its name, whatever its folder is called", async () => {
    const named = async (config: object) => {
      writeFileSync(join(scratch, "other.json"), JSON.stringify(config));
      const argv = ["plan", join(scratch, "other.json"), "--gflops", "1", "--json"];
      return JSON.parse((await glm52(argv)).stdout).name;
    };
    expect(await named(GLM52)).toBe("GLM-5.2");
    expect(await named(GLM51)).toBe("GLM-5 or GLM-5.1");
    expect(await named({ ...GLM52, vocab_size: 1000 })).toBe(basename(scratch));
  });

  it.each([
    [["--context", "2M"], 2, "expected at most 1048576 (the model's longest), got 2097152"],
    [["--context", "128k"], 2, "numbers of tokens"],
    [["--context", "0"], 2, "numbers of tokens"],
    [["--ram", "24"], 2, "a size like"],
    [["--gflops", "0"], 2, "a number above 0"],
    [["--svg", "/nowhere/x.svg"], 1, "there is no folder /nowhere"],
  ])("refuses %j", async (more, expected, message) => {
    const { code, stdout, stderr } = await glm52(["plan", file, "--gflops", "1", ...more]);
    expect([code, stdout]).toEqual([expected, ""]);
    expect(stderr).toContain(message);
  });
});
