/** Tests of synthetic checkpoints: any part can be made alone, and they route as they should. */

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import {
  controlFaults,
  differences,
  EXPECTED,
  figuresOf,
} from "../../bench/stream/check-checkpoint.ts";
import { fillFrom, keyOf, normalTable } from "../../bench/stream/draws.ts";
import { makeCheckpoint, NARROW, SYNTHETIC_FILE } from "../../bench/stream/make-checkpoint.ts";
import { routesOfEngine, routesOfRouters } from "../../bench/stream/routes-of-checkpoint.ts";
import { SyntheticNumbers, syntheticJson, syntheticModel } from "../../bench/stream/synthetic.ts";
import { shuffled, walk } from "../../bench/stream/topics.ts";
import { fromE4m3 } from "../../engine/numbers/formats.ts";
import { officialTensors } from "../../engine/weights/official-tensors.ts";
import { formBytes, type TensorForm } from "../../engine/weights/safetensors.ts";
import { inspectPath } from "../../tools/inspect/inspect-folder.ts";
import { officialShards } from "../../tools/stream/official-shards.ts";
import { scratchFolder } from "../support/paths.ts";
import { SETTINGS, uniformRoutes } from "../support/routing.ts";

const [DENSE, SPARSE] = [1, 2];
const json = syntheticJson(NARROW, DENSE, SPARSE);

describe("numbers", () => {
  const model = syntheticModel(json, 1, SETTINGS.middle);
  const forms = new Map<string, TensorForm>(officialTensors(model.config, "fp8"));
  const numbers = new SyntheticNumbers(model);
  const whole = (name: string, by = numbers): Uint8Array => {
    const form = forms.get(name) as TensorForm;
    const bytes = new Uint8Array(formBytes(form));
    by.fill(bytes, name, form);
    return bytes;
  };
  const embedding = "model.embed_tokens.weight";
  const matrix = "model.layers.1.mlp.experts.7.up_proj.weight";

  it.each([
    [matrix, [0, 1, 1000, 1001, 4096]],
    ["lm_head.weight", [0, 3, 4, 100_000, 256 * 16384]],
    ["model.layers.2.mlp.gate.e_score_correction_bias", [0, 1, 5, 256]],
    [`${matrix}_scale_inv`, [0, 1, 2]],
    [embedding, [0, 256, 256 * 1000, 256 * 1639, 256 * 5000, 256 * 16384]],
  ])("of any part of %s are those of the whole", (name, cuts) => {
    const form = forms.get(name) as TensorForm;
    const width = formBytes({ ...form, shape: [] });
    const parts = cuts.slice(1).map((end, i) => {
      const part = new Uint8Array((end - cuts[i]) * width);
      new SyntheticNumbers(model).fill(part, name, form, cuts[i]);
      return part;
    });
    expect(Buffer.concat(parts).equals(whole(name))).toBe(true);
  });

  it("are others for each name and seed", () => {
    const other = new SyntheticNumbers({ ...model, seed: 2 });
    for (const name of [matrix, embedding]) {
      expect(Buffer.compare(whole(name), whole(name, other))).not.toBe(0);
    }
    expect(whole(matrix)).not.toEqual(whole(matrix.replace("7", "8")));
  });

  it("in fp8 are finite, and rarely subnormal", () => {
    const bytes = whole("model.layers.1.mlp.shared_experts.gate_proj.weight");
    expect(bytes.every((b) => Number.isFinite(fromE4m3(b)))).toBe(true);
    const nSmall = bytes.filter((b) => (b & 0x78) === 0).length;
    expect(nSmall / bytes.length).toBeLessThan(1e-3);
  });

  it("are normal: their quantiles and moments", () => {
    const table = normalTable();
    expect(table[Math.floor(0.975 * 65536)]).toBeCloseTo(1.959964, 3);
    expect(table[65535]).toBeCloseTo(4.324919, 3); // Φ⁻¹(1 − 1/131072)
    const drawn = new Float32Array(100_001);
    fillFrom(drawn, Float32Array.from(table), keyOf(1, "x"));
    const moment = (k: number): number => drawn.reduce((sum, z) => sum + z ** k, 0) / drawn.length;
    expect(moment(1)).toBeCloseTo(0, 1);
    expect(moment(2)).toBeCloseTo(1, 1);
    expect(moment(4)).toBeCloseTo(3, 0);
  });
});

describe("a text", () => {
  it("walks from id to id, and jumps about once in 127 tokens", () => {
    const text = walk(20_000, 154_880, 1);
    const jumps = text.filter((id, t) => t > 0 && id !== text[t - 1] + 1).length;
    expect(jumps / text.length).toBeGreaterThan(0.8 / 127);
    expect(jumps / text.length).toBeLessThan(1.3 / 127);
    expect(shuffled(text, 1).toSorted()).toEqual(text.toSorted());
  });
});

describe("a narrow checkpoint", () => {
  const folder = join(scratchFolder(), "narrow");
  const note = () => JSON.parse(readFileSync(join(folder, SYNTHETIC_FILE), "utf8"));
  const limit = 4_000_000;
  const size = { dense: DENSE, sparse: SPARSE, tokens: 1270, threads: 1, limit };
  beforeAll(() => makeCheckpoint(folder, { json: NARROW, ...size, setting: "middle", seed: 1 }));

  it("has the released layout, and the engine knows it", async () => {
    const { inspection } = await inspectPath(folder);
    expect(inspection.layers).toEqual({ "dense + full": 1, "sparse + full": 2 });
    expect(inspection.stops).toEqual([]);
    const shards = officialShards(syntheticModel(json, 1, SETTINGS.middle).config, "fp8", limit);
    expect(shards.length).toBeGreaterThan(3);
    for (const { file, size } of shards) expect(statSync(join(folder, file)).size).toBe(size);
  });

  it.each([
    ["its routers alone", routesOfRouters],
    ["the engine", routesOfEngine],
  ])("routes as GLM-5.2 does: %s", async (_, routesOf) => {
    const { tokens, seed } = note();
    const { trace, recall } = await routesOf(folder, tokens);
    const { trace: control } = await routesOf(folder, shuffled(tokens, seed));
    const figures = figuresOf(trace);
    expect(figures.length).toBe(SPARSE);
    for (const [i, atRandom] of figuresOf(control).entries()) {
      expect(differences(figures[i], EXPECTED.middle)).toEqual([]);
      expect(controlFaults(figures[i], atRandom)).toEqual([]);
      expect(differences(atRandom, EXPECTED.middle).join()).toMatch(/sameAsLast.*belady.*lru/);
    }
    for (const found of recall) {
      expect(found).toBeGreaterThan(0.68);
      expect(found).toBeLessThan(0.78);
    }
  });
});

it("routes without preference are told from those of GLM-5.2", () => {
  const [uniform] = figuresOf(uniformRoutes(1, 1));
  for (const expected of Object.values(EXPECTED)) {
    const found = differences(uniform, expected).map((text) => text.replace(/:.*/, ""));
    expect(new Set(found)).toEqual(new Set(["sameAsLast", "gini", "popular", "belady", "lru"]));
  }
  expect(controlFaults(uniform, uniform)).toEqual(["in random order, 100 % of reuse stays"]);
});
