/**
 * Tests of what it costs to read GLM-5.2 from a disk, against tables that another program computed from
 * the shapes of the tensors. They are in 10⁹ bytes and seconds, with as many digits as are given here.
 */

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../engine/config/config.ts";
import { EXPECTED_HITS, expectedHits } from "../../../tools/inspect/expected-hits.ts";
import { weightBytes, weightParts } from "../../../tools/inspect/sizes.ts";
import {
  distinctExperts,
  passBytes,
  passSeconds,
  type StreamedFormat,
  type StreamPlan,
  streamPlan,
} from "../../../tools/inspect/streaming.ts";
import { hitShare, replay } from "../../../tools/stream/replay.ts";
import { GLM52 } from "../../engine/weights/configs.ts";
import { tinyConfig } from "../../engine/weights/fixtures.ts";
import { DEMO_MODEL, scratchFolder } from "../../support/paths.ts";
import { SETTINGS, syntheticRoutes } from "../../support/routing.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const config = parseConfig(GLM52);
const scratch = scratchFolder();
const file = join(scratch, "config.json");
writeFileSync(file, JSON.stringify(GLM52));

const rate = (gflops: number) => ({ gflops, source: "given" }) as const;
const plan = (gbps: number, more: object = {}): StreamPlan =>
  streamPlan(config, { disk: { gbps }, contexts: [4096], rate: rate(85), ...more });
const of = (all: StreamPlan, format: StreamedFormat) => {
  const found = all.formats.find((one) => one.format === format);
  if (!found) throw new Error(`expected ${format}`);
  return found;
};

/** Digits behind the point of a number of two digits. */
const digitsOf = (x: number): number => (x >= 10 ? 0 : 1);

const parts = weightParts(config, "fp8");

describe("GLM-5.2", () => {
  it.each([
    ["bf16", 75_497_472, [33.396, 35.3, 45.3, 80.6]],
    ["fp8", 37_757_952, [16.825, 18.73, 22.655, 41.38]],
    ["q8", 40_108_032, [17.857, 18.87, 24.065, 42.93]],
    ["q4", 21_233_664, [9.57, 10.105, 12.74, 22.845]],
  ] as const)("in %s reads for a token what the witness counts", (format, oneExpert, gigabytes) => {
    const { trunk, head, expert, sparseLayers } = weightParts(config, format);
    const all = of(plan(1), format).streamed.bytes;
    const experts = of(plan(1), format).trunkKept.bytes;
    const got = [trunk, trunk + head, experts, all].map((bytes) => bytes / 1e9);
    for (const [i, x] of got.entries()) expect(x).toBeCloseTo(gigabytes[i], 2);
    expect(expert).toBe(oneExpert);
    expect(sparseLayers).toBe(75);
  });

  it("is as large as its parts, but for MTP layer and embedding", () => {
    const mtpAndEmbedding = 10_033_000_000 + 1_903_165_440; // both rounded in the witness's table
    const { trunk, head, expert, sparseLayers } = weightParts(config, "fp8");
    const sum = trunk + head + sparseLayers * config.nRoutedExperts * expert + mtpAndEmbedding;
    expect(sum / weightBytes(config, "fp8").total).toBeCloseTo(1, 5);
  });

  it.each([
    ["fp8", 0],
    ["q8", 1.44],
    ["q4", 1.69],
    ["bf16", 0],
  ] as const)("takes more memory in %s than disk", (format, want) => {
    expect(weightParts(config, format).widened / 1e9).toBeCloseTo(want, 2);
  });

  // biome-ignore format: a table
  it.each([
    ["fp8", "streamed", [83, 32, 16, 5.9, 3.2]],
    ["fp8", "trunkKept", [45, 17, 8.7, 3.2, 1.7]],
    ["q4", "streamed", [46, 18, 8.8, 3.3, 1.8]],
    ["q4", "trunkKept", [25, 9.8, 4.9, 1.8, 1.0]],
  ] as const)("%s, %s: seconds for a token from disks of 0.5 to 13 GB/s", (format, what, want) => {
    const got = [0.5, 1.3, 2.6, 7, 13].map((gbps) => of(plan(gbps), format)[what].seconds);
    for (const [i, x] of got.entries()) expect(x).toBeCloseTo(want[i], digitsOf(want[i]));
  });

  it.each([
    ["fp8", 14.3, [29, 11, 5.5, 2.0, 1.1]],
    ["q4", 8.0, [16, 6.2, 3.1, 1.1, 0.6]],
  ] as const)("%s with hits of 37 %% reads less", (format, gigabytes, want) => {
    [0.5, 1.3, 2.6, 7, 13].forEach((gbps, i) => {
      const { fit } = of(plan(gbps, { ramBytes: 40e9, hits: 0.37 }), format);
      expect((fit?.token.bytes ?? 0) / 1e9).toBeCloseTo(gigabytes, 1);
      expect(fit?.token.seconds).toBeCloseTo(want[i], digitsOf(want[i]));
    });
  });

  it("has in memory: buffers in 8 GB, q4's trunk in 16, fp8's in 24", () => {
    const fits = (ramBytes: number, format: StreamedFormat) =>
      of(plan(1.3, { ramBytes }), format).fit;
    expect(fits(1e9, "fp8")?.inMemory).toBe("none");
    for (const format of ["fp8", "q4"] as const)
      expect(fits(8e9, format)?.inMemory).toBe("buffers");
    expect(fits(16e9, "fp8")?.inMemory).toBe("buffers");
    // The witness has no slot, but 3.43 GB of widened keys and values, which are not widened any more.
    const slots = 3.43e9 / (75 * 37_757_952);
    expect(fits(24e9, "fp8")).toMatchObject({ inMemory: "trunk", slots: expect.closeTo(slots, 0) });
    const small = fits(16e9, "q4"); // the witness: 1.6 experts of each layer
    expect(small?.inMemory).toBe("trunk");
    expect(small?.slots).toBeGreaterThan(1.4);
    expect(small?.slots).toBeLessThan(1.9);
    expect(small?.hits).toBe(expectedHits(config, small?.slots ?? 0));
  });

  // biome-ignore format: a table
  it.each([
    [8, 57], [16, 102], [32, 163], [64, 222], [128, 252], [512, 256],
  ])("%d tokens visit %d experts of a layer, if they choose at random", (n, want) => {
    expect(Math.round(distinctExperts(256, 8, n))).toBe(want);
  });

  it("is read once in a pass: 745.6 GB with the whole embedding", () => {
    expect((passBytes(config, parts, 2 ** 20) / 1e9).toFixed(1)).toBe("745.6");
    expect(passBytes(config, parts, 1)).toBeCloseTo(of(plan(1), "fp8").streamed.bytes, -1);
  });

  it.each([
    [512, 85, 8.7],
    [2560, 85, 55],
    [4096, 85, 95],
    [32768, 85, 14 * 60],
    [1048576, 85, 31 * 24 * 60],
    [512, 180, 4.1],
    [2560, 180, 26],
    [4096, 180, 45],
    [32768, 180, 6.6 * 60],
  ])("%d tokens at %d GFLOP/s take %d minutes", (n, gflops, minutes) => {
    expect(passSeconds(config, n, rate(gflops)) / 60 / minutes).toBeCloseTo(1, 1);
  });

  // The witness leaves attention out that grows with the text; it matters above a thousand tokens.
  it.each([
    [1.3, 60, 400],
    [1.3, 90, 600],
    [1.3, 180, 1200],
    [2.6, 180, 600],
    [7, 180, 223],
    [7, 700, 890],
  ])(
    "at %d GB/s and %d GFLOP/s, disk and arithmetic take equally long for %d tokens",
    (gbps, gflops, want) => {
      const { crossover } = of(plan(gbps, { rate: rate(gflops) }), "fp8");
      expect(crossover / want).toBeGreaterThan(0.85);
      expect(crossover / want).toBeLessThan(1.05);
    },
  );
});

it("a crossover is where the arithmetic begins to take longer", () => {
  const tiny = weightParts(tinyConfig, "q8");
  const speeds = fc.double({ min: 0.1, max: 20, noNaN: true });
  fc.assert(
    fc.property(speeds, speeds, (gbps, gflops) => {
      const disk = { gbps: gbps / 1000 };
      const asked = { disk, contexts: [1], rate: rate(gflops) };
      const { crossover: n } = of(streamPlan(tinyConfig, asked), "q8");
      const isBound = (tokens: number) =>
        passBytes(tinyConfig, tiny, tokens) / (disk.gbps * 1e9) >
        passSeconds(tinyConfig, tokens, rate(gflops));
      if (n > 1) expect(isBound(n - 1)).toBe(true);
      if (n < tinyConfig.maxPositionEmbeddings) expect(isBound(n)).toBe(false);
    }),
  );
});

describe("expected hits", () => {
  it("are those of an LRU cache with restless routes", () => {
    const slots = EXPECTED_HITS.slice(1).map(([n]) => n);
    const trace = syntheticRoutes(SETTINGS.restless, 8, 4);
    const { caches } = replay(trace, { policies: ["lru"], scopes: ["layer"], slots });
    const shares = caches.map((cache) => [cache.slots, Number(hitShare(cache.decode).toFixed(3))]);
    expect(shares).toEqual(EXPECTED_HITS.slice(1));
  });

  it("rise with the slots, and are for this router alone", () => {
    expect(expectedHits(config, 0)).toBe(0);
    expect(expectedHits(config, 5)).toBeCloseTo((0.148 + 0.219) / 2, 10);
    expect(expectedHits(config, 256)).toBe(0.975);
    expect(expectedHits(tinyConfig, 4)).toBeUndefined();
  });
});

describe("glm52 plan --disk", () => {
  const argv = ["plan", file, "--gflops", "85", "--context", "512,4K,1M"];

  it("prints bytes and seconds in at most 80 columns", async () => {
    const { code, stdout } = await glm52([...argv, "--disk", "1.3", "--ram", "16GB"]);
    expect(code).toBe(0);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^ {2}fp8 +41\.38 GB +31\.8 s +22\.65 GB +17\.4 s$/m);
    expect(stdout).toMatch(/^ {2}512 +19\.0 min +9\.5 min +10\.1 min +5\.4 min +8\.7 min$/m);
    expect(stdout).toMatch(
      /^ {2}q4: all but experts, buffers of .*, 2\.1 experts of each layer;$/m,
    );
    expect(stdout).toContain("fp8: buffers of ");
  });

  it("puts the same into JSON, and nothing without --disk", async () => {
    const more = ["--disk", "1.3", "--ram", "24GB", "--hits", "0.4", "--json"];
    const { streaming } = JSON.parse((await glm52([...argv, ...more])).stdout);
    expect(streaming).toEqual(
      JSON.parse(
        JSON.stringify(plan(1.3, { contexts: [512, 4096, 2 ** 20], ramBytes: 24e9, hits: 0.4 })),
      ),
    );
    expect(JSON.parse((await glm52([...argv, "--json"])).stdout).streaming).toBeUndefined();
  });

  it("measures the disk with the model's files, and says how", async () => {
    const { code, stdout } = await glm52(["plan", DEMO_MODEL, "--gflops", "1", "--json", "--disk"]);
    expect(code).toBe(0);
    const { disk } = JSON.parse(stdout).streaming;
    expect(disk.gbps).toBeGreaterThan(0);
    const { size } = statSync(join(DEMO_MODEL, "model.safetensors"));
    expect(disk.measured).toMatch(/^(O_DIRECT|buffered, .*), 2 readers; /);
    expect(disk.measured).toContain(`${(size / 1e9).toPrecision(2)} GB read`);
  });

  it("cannot measure it without weights", async () => {
    const { code, stderr } = await glm52([...argv, "--disk"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("give the speed in GB/s")]);
    const empty = await glm52(["plan", scratch, "--gflops", "1", "--disk"]);
    expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining("found none")]);
  });

  it.each([
    [["--disk", "0"], "a number above 0"],
    [["--hits", "0.5", "--disk", "1"], "needs --disk and --ram"],
    [["--hits", "1.5", "--disk", "1", "--ram", "8GB"], "a number 0 … 1"],
  ])("refuses %j", async (more, message) => {
    const { code, stdout, stderr } = await glm52([...argv, ...more]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
  });
});
