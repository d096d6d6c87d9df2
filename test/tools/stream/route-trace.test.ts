/** Tests of route traces: what is recorded, what is written, and what is refused. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../../engine/weights/byte-source.ts";
import type { StoredTensor } from "../../../engine/weights/checkpoint.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { open } from "../../../tools/node/index.ts";
import { openConfig } from "../../../tools/node/open-config.ts";
import { readRouteFile, readRoutes } from "../../../tools/stream/read-routes.ts";
import { replay } from "../../../tools/stream/replay.ts";
import { RouteRecorder } from "../../../tools/stream/route-recorder.ts";
import { type RouteTrace, routeFile } from "../../../tools/stream/route-trace.ts";
import { DEMO_MODEL, scratchFolder } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const scratch = scratchFolder();
const PROMPT = "Once upon a time there was a little dog. The dog";
const about = { engine: "test", model: "m", tokensSha256: "", prefillTokens: 0 };

const small: RouteTrace = {
  ...{ engine: "e 1", model: "m", tokensSha256: "ab", nExperts: 5, nTokens: 3, nActive: 2 },
  expertBytes: 7,
  layers: [1, 4],
  experts: Uint8Array.of(0, 1, 2, 4, 1, 3, 0, 2, 3, 4, 0, 4),
  phase: Uint8Array.of(0, 0, 1),
  step: Int32Array.of(0, 0, 1),
  weights: Float32Array.from({ length: 12 }, (_, i) => i / 8),
};

const read = (bytes: Uint8Array) => readRoutes(memorySource("routes", bytes));

describe("a recorder", () => {
  it("sees the experts that a trace of all stages has, for steps of any length", async () => {
    await using glm = await open(DEMO_MODEL);
    const stages = ["ffn_moe_topk", "ffn_moe_weights"] as const;
    const traced = new Map(
      (await glm.trace(PROMPT, { stages })).map((one) => [one.name, one.data]),
    );
    const ids = glm.promptIds(PROMPT);
    for (const chunk of [1, 5, 64]) {
      const recorder = new RouteRecorder(glm.config, { weights: true });
      const session = glm.session({ taps: recorder, chunk });
      session.engine.appendAll(ids);
      session.close();
      const { layers, experts, weights, nTokens, nActive, step } = recorder.trace(about);
      expect(nTokens).toBe(ids.length);
      expect(layers).toEqual(
        glm.config.mlpLayerTypes.flatMap((t, l) => (t === "sparse" ? [l] : [])),
      );
      expect([...step]).toEqual(ids.map((_, t) => Math.floor(t / chunk)));
      layers.forEach((layer, l) => {
        const rows = <A extends ArrayLike<number>>(all: A) =>
          ids.flatMap((_, t) =>
            Array.from({ length: nActive }, (_, a) => all[(t * layers.length + l) * nActive + a]),
          );
        expect(rows(experts)).toEqual([...(traced.get(`ffn_moe_topk-${layer}`) ?? [])]);
        expect(rows(weights ?? [])).toEqual([...(traced.get(`ffn_moe_weights-${layer}`) ?? [])]);
      });
    }
  });

  it("needs two bytes for the number of an expert above 256", async () => {
    const recorder = new RouteRecorder({ nRoutedExperts: 300, numExpertsPerTok: 2 });
    const data = Int32Array.of(255, 299);
    recorder.layer(0)("ffn_moe_topk", { dims: ["T", "A"], shape: [1, 2], data });
    const { experts } = await read(routeFile(recorder.trace(about)));
    expect(experts).toEqual(Uint16Array.of(255, 299));
  });

  it("gives no trace amid a step", () => {
    const recorder = new RouteRecorder({ nRoutedExperts: 4, numExpertsPerTok: 1 });
    const see = (layer: number) =>
      recorder.layer(layer)("ffn_moe_topk", {
        dims: ["T", "A"],
        shape: [1, 1],
        data: Int32Array.of(1),
      });
    for (const layer of [0, 1, 0]) see(layer);
    expect(recorder.nTokens).toBe(1);
    expect(() => recorder.trace(about)).toThrow("expected whole steps");
  });
});

describe("a file", () => {
  it("gives back what was written", async () => {
    expect(await read(routeFile(small))).toEqual(small);
    const { weights, expertBytes, ...others } = small;
    expect(await read(routeFile(others))).toEqual(others);
  });

  it("may lack the steps: each token is one then", async () => {
    const { step } = await read(changed(({ step, ...others }) => others));
    expect([...step]).toEqual([0, 1, 2]);
  });

  it.each<[string, (tensors: Tensors) => Tensors, string]>([
    ["another tensor", (t) => ({ ...t, more: u8([3]) }), "more: a route trace has no such tensor"],
    ["no layers", ({ layers, ...t }) => t, "layers: expected I32 [2], got none"],
    ["wide experts", (t) => ({ ...t, experts: i32([3, 2, 2]) }), "expected U8 [3, 2, 2], got I32"],
    ["flat experts", (t) => ({ ...t, experts: u8([12]) }), "layers, 1 … 5 of them], got [12]"],
    ["a short phase", (t) => ({ ...t, phase: u8([2]) }), "phase: expected U8 [3], got U8 [2]"],
    [
      "a third phase",
      (t) => ({ ...t, phase: u8([3], 0, 2, 1) }),
      "element 1: expected 0 or 1, got 2",
    ],
    [
      "equal experts",
      (t) => ({ ...t, experts: u8([3, 2, 2], 1, 1) }),
      "element 1: expected 2 … 4, got 1",
    ],
    ["a sixth expert", (t) => ({ ...t, experts: u8([3, 2, 2], 1, 5) }), "expected 2 … 4, got 5"],
    [
      "layers twice",
      (t) => ({ ...t, layers: i32([2], 1, 1) }),
      "layers, element 1: expected 2 or more",
    ],
    ["a gap of steps", (t) => ({ ...t, step: i32([3], 0, 0, 2) }), "step, element 2: expected 1"],
    ["both phases in a step", (t) => ({ ...t, step: i32([3], 0, 0, 0) }), "tokens of one phase"],
  ])("with %s is refused", async (_, change, message) => {
    await expect(read(changed(change))).rejects.toThrow(message);
  });

  it.each([
    [{ format: "glm52-trace 1" }, 'expected a route trace, glm52-routes 1, got "glm52-trace 1"'],
    [{ experts: "0" }, "experts: expected a number 1 … 65536"],
    [{ expert_bytes: "1e3" }, "expert_bytes: expected a number"],
    [{ model: undefined }, "expected a route trace with model in its metadata"],
  ])("whose metadata say %j is refused", async (meta, message) => {
    await expect(read(changed((t) => t, meta))).rejects.toThrow(message);
  });

  it("that is cut off anywhere is refused", async () => {
    const bytes = routeFile(small);
    for (let n = 0; n < bytes.length; n += 13) {
      await expect(read(bytes.subarray(0, n))).rejects.toThrow("routes: ");
    }
  });
});

type Tensors = Readonly<Record<string, StoredTensor>>;

const u8 = (shape: readonly number[], ...numbers: number[]): StoredTensor => {
  const bytes = Uint8Array.from(
    small.experts.subarray(
      0,
      shape.reduce((a, b) => a * b),
    ),
  );
  bytes.set(numbers);
  return { dtype: "U8", shape, bytes };
};

const i32 = (shape: readonly number[], ...numbers: number[]): StoredTensor => {
  const all = new Int32Array(shape.reduce((a, b) => a * b));
  all.set(numbers);
  return { dtype: "I32", shape, bytes: new Uint8Array(all.buffer) };
};

/** The file of {@link small} with other tensors or metadata. */
function changed(
  change: (tensors: Record<string, StoredTensor>) => Tensors,
  meta: Readonly<Record<string, string | undefined>> = {},
): Uint8Array {
  const shape = [3, 2, 2];
  const tensors = {
    experts: { dtype: "U8", shape, bytes: small.experts as Uint8Array },
    layers: i32([2], 1, 4),
    phase: { dtype: "U8", shape: [3], bytes: small.phase },
    step: i32([3], 0, 0, 1),
  } as const;
  const metadata = Object.entries({
    ...{ format: "glm52-routes 1", engine: "e 1", model: "m", experts: "5", tokens_sha256: "ab" },
    ...meta,
  }).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
  return writeSafetensors(change(tensors), Object.fromEntries(metadata));
}

describe("glm52 run --route-trace and glm52 cache replay", () => {
  const file = join(scratch, "routes.safetensors");
  const argv = ["run", PROMPT, "--max-tokens", "20", "--temperature", "0"];

  it("write the routes of the text that comes without it, and say what it is", async () => {
    const plain = await glm52(argv);
    const traced = await glm52([...argv, "--route-trace", file]);
    expect(traced.code).toBe(0);
    expect(traced.stdout).toBe(plain.stdout);
    expect(traced.stderr).toContain(`${file}: experts of `);
    const { prompt_ids, ids } = JSON.parse((await glm52([...argv, "--json"])).stdout);
    const trace = await readRouteFile(file);
    const ran = [...prompt_ids, ...ids].slice(0, trace.nTokens);
    expect(trace.nTokens).toBe(prompt_ids.length + ids.length - 1); // the last one was not run
    expect(trace.phase.filter((phase) => phase === 0)).toHaveLength(prompt_ids.length);
    expect(trace.tokensSha256).toBe(createHash("sha256").update(ran.join()).digest("hex"));
    expect(trace.model).toBe("demo-model");
    const { config } = await openConfig(DEMO_MODEL);
    const bf16 = 2 * 3 * config.hiddenSize * config.moeIntermediateSize;
    expect(trace.expertBytes).toBe(bf16);
  });

  it("print a table and JSON of the same figures, and draw them", async () => {
    const svg = join(scratch, "hits.svg");
    const { code, stdout, stderr } = await glm52(["cache", "replay", file, "--svg", svg]);
    expect([code, stderr]).toEqual([0, `${svg}: hits against slots, demo-model\n`]);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    const json = await glm52(["cache", "replay", file, "--json", "--slots", "4,2,2"]);
    const result = JSON.parse(json.stdout);
    const options = {
      policies: ["lru", "slru", "lfru", "belady"],
      scopes: ["layer", "global"],
    } as const;
    expect(result).toEqual(replay(await readRouteFile(file), { ...options, slots: [2, 4] }));
    const [{ decode }] = result.caches;
    const share = (100 * decode.hits) / decode.visits;
    expect(stdout).toMatch(
      new RegExp(`^  lru +\\S+ +${share.toFixed(1).replace(".", "\\.")} `, "m"),
    );
    const picture = readFileSync(svg, "utf8");
    for (const id of ["lru-layer", "lru-global", "belady-layer", "belady-global"]) {
      expect(picture).toContain(`id="${id}"`);
    }
    expect(picture).not.toContain("NaN");
  });

  it.each([
    [["run", "x", "--route-trace", "/nowhere/x"], 1, "there is no folder /nowhere"],
    [["run", "x", "--route-trace", "x", "--draft", "2"], 2, "cannot be used with"],
    [["cache", "replay", "/nowhere"], 1, "no such file"],
    [
      ["cache", "replay", "FILE", "--policy", "lru,best"],
      2,
      "out of lru, slru, lfru, belady, got best",
    ],
    [["cache", "replay", "FILE", "--slots", "0"], 2, "an integer 1 … "],
    [["cache", "replay", "FILE", "--svg", "FILE"], 1, "that the work reads"],
  ])("refuse %j", async (words, expected, message) => {
    const { code, stdout, stderr } = await glm52(words.map((word) => word.replace("FILE", file)));
    expect([code, stdout]).toEqual([expected, ""]);
    expect(stderr).toContain(message);
  });

  it("leave no file of a run that was refused", async () => {
    const other = join(scratch, "other.safetensors");
    expect((await glm52(["run", "--tokens", "-1", "--route-trace", other])).code).not.toBe(0);
    expect(existsSync(other)).toBe(false);
    writeFileSync(other, "kept");
    expect((await glm52(["run", "--tokens", "999999", "--route-trace", other])).code).toBe(1);
    expect(readFileSync(other, "utf8")).toBe("kept");
  });
});
