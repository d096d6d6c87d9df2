/** Tests of the layout of the released repositories, against what was published about them. */

import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../engine/config/config.ts";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import { officialSizes } from "../../../engine/weights/official-tensors.ts";
import { formBytes, readHeader } from "../../../engine/weights/safetensors.ts";
import { GLM52 } from "../../../tools/stream/official-config.ts";
import {
  officialIndex,
  officialShards,
  type Shard,
  shardsOf,
} from "../../../tools/stream/official-shards.ts";
import { tinyConfig } from "../../engine/weights/fixtures.ts";

const config = parseConfig(GLM52);
const fp8 = officialShards(config, "fp8");
const bf16 = officialShards(config, "bf16");

const total = (shards: readonly Shard[], of: (shard: Shard) => number): number =>
  shards.reduce((n, shard) => n + of(shard), 0);

/** Where a tensor begins, counted from the end of the header. */
function offsetOf({ header, tensors }: Shard, name: string): number {
  const before = header.names.slice(0, header.names.indexOf(name));
  return before.reduce(
    (n, each) => n + formBytes(tensors.get(each) ?? { dtype: "U8", shape: [] }),
    0,
  );
}

describe("GLM-5.2 in BF16, zai-org/GLM-5.2 at b4734de4", () => {
  it("has 282 files with 59,585 tensors", () => {
    expect(bf16.length).toBe(282);
    expect(total(bf16, ({ tensors }) => tensors.size)).toBe(59_585);
    expect(total(bf16, ({ header }) => header.dataLength)).toBe(1_506_659_919_872);
  });

  it("has the published sizes of files 35, 86 and 264, and of all together", () => {
    expect([35, 86, 264].map((i) => bf16[i - 1].size)).toEqual([
      5_359_985_464, 5_366_406_840, 5_360_347_320,
    ]);
    expect(total(bf16, ({ size }) => size)).toBe(1_506_667_387_408);
  });
});

describe("the FP8 repositories, zai-org/GLM-5.3 at 7cda8193", () => {
  it("have 141 files with 118,629 tensors", () => {
    expect(fp8.length).toBe(141);
    expect(fp8[37].file).toBe("model-00038-of-00141.safetensors");
    expect(total(fp8, ({ tensors }) => tensors.size)).toBe(118_629);
    expect(total(fp8, ({ header }) => header.dataLength)).toBe(755_617_140_416);
    expect(total(fp8, ({ size }) => size)).toBe(755_632_050_320);
  });

  it.each([
    ["down", 4_057_625_024, 990_656],
    ["gate", 4_070_207_936, 993_728],
    ["up", 4_082_790_848, 996_800],
  ])("have %s of layer 3, expert 0 at its published place in file 38", (part, weight, scales) => {
    const name = `model.layers.3.mlp.experts.0.${part}_proj.weight`;
    expect(offsetOf(fp8[37], name)).toBe(weight);
    expect(offsetOf(fp8[37], `${name}_scale_inv`)).toBe(scales);
  });

  it("have an index of 11,359,251 bytes", () => {
    expect(officialIndex(fp8).length).toBe(11_359_251);
  });

  it("cut 88 experts between two files, but no matrix from its scales", () => {
    const fileOf = new Map(
      fp8.flatMap(({ file, tensors }) => [...tensors.keys()].map((n) => [n, file])),
    );
    const isCut = (layer: number, e: number): boolean =>
      new Set(
        ["down", "gate", "up"].map((part) =>
          fileOf.get(`model.layers.${layer}.mlp.experts.${e}.${part}_proj.weight`),
        ),
      ).size > 1;
    let nCut = 0;
    for (let layer = 3; layer < 79; layer++) {
      for (let e = 0; e < 256; e++) nCut += Number(isCut(layer, e));
    }
    expect(nCut).toBe(88);
    const apart = [...fileOf].filter(
      ([name, file]) => name.endsWith("_scale_inv") && fileOf.get(name.slice(0, -10)) !== file,
    );
    expect(apart).toEqual([]);
  });

  it("keep an expert's matrices, and its scales, each in one run of bytes", () => {
    const expert = (e: number): [number, number] => [
      offsetOf(fp8[38], `model.layers.3.mlp.experts.${e}.down_proj.weight`),
      offsetOf(fp8[38], `model.layers.3.mlp.experts.${e}.down_proj.weight_scale_inv`),
    ];
    const [[weights, scales], next] = [expert(200), expert(201)];
    expect([next[0] - weights, next[1] - scales]).toEqual([36 * 2 ** 20, 9216]);
  });
});

describe("files that the first layers need", () => {
  const numbers = (layers: number, logits: boolean): number[] =>
    shardsOf(config, fp8, { layers, logits }).map((shard) => fp8.indexOf(shard) + 1);
  it.each([
    [1, [1], 10.1],
    [3, [1, 20], 15.5],
    [4, [1, 20, 38, 39, 40], 31.5],
    [5, [1, 20, 38, 39, 40, 59, 60], 42.3],
    [7, [1, 20, 38, 39, 40, 59, 60, 79, 80, 81, 99, 100, 101], 74.5],
  ])("%i layers: %j, and the last for the norm, %d GB", (layers, files, gigabytes) => {
    expect(numbers(layers, false)).toEqual(files);
    expect(numbers(layers, true)).toEqual([...files, 141]);
    const bytes = total(shardsOf(config, fp8, { layers }), ({ size }) => size);
    expect(bytes / 1e9).toBeCloseTo(gigabytes, 1);
  });

  it("11 layers also need files 2 and 3, where layer 10 stands, and the last, where layer 9 ends", () => {
    const more = [119, 120, 121, 138, 139, 140, 141];
    expect(numbers(11, false)).toEqual([1, 2, 3, ...numbers(7, false).slice(1), ...more]);
    const bytes = total(shardsOf(config, fp8, { layers: 11 }), ({ size }) => size);
    expect(bytes / 1e9).toBeCloseTo(117.4, 1);
  });
});

describe("a small model in many files", () => {
  const limit = 5000;
  it.each(["fp8", "bf16"] as const)(
    "%s: each file but those of one tensor is within the limit, and full",
    (release) => {
      const shards = officialShards(tinyConfig, release, limit);
      expect(shards.length).toBeGreaterThan(10);
      shards.forEach(({ tensors, header }, i) => {
        if (tensors.size > 1) expect(header.dataLength).toBeLessThanOrEqual(limit);
        const next = [...(shards[i + 1]?.tensors.values() ?? [])].at(0);
        if (next) expect(header.dataLength + formBytes(next)).toBeGreaterThan(limit);
      });
      const names = shards.flatMap(({ tensors }) => [...tensors.keys()]);
      expect(names).toEqual([...names].sort());
    },
  );

  it("has headers that the engine reads, whose offsets are those of the order", async () => {
    for (const shard of officialShards(tinyConfig, "fp8", limit)) {
      const bytes = new Uint8Array(shard.size);
      bytes.set(shard.header.bytes);
      const source = await memoryFiles({ [shard.file]: bytes }).open(shard.file);
      const { tensors, metadata } = await readHeader(source);
      expect(metadata.size).toBe(0);
      expect([...tensors.keys()]).toEqual(shard.header.names);
      for (const [name, { offset, dtype, shape }] of tensors) {
        expect(offset - shard.header.bytes.length).toBe(offsetOf(shard, name));
        expect({ dtype, shape }).toEqual(shard.tensors.get(name));
      }
    }
  });
});

describe("sizes of files from the index alone", () => {
  const mapOf = (shards: readonly Shard[]): Map<string, string> =>
    new Map(Object.entries(JSON.parse(officialIndex(shards)).weight_map));
  it.each(["fp8", "bf16"] as const)("are known for a released repository, %s", (release) => {
    const shards = officialShards(tinyConfig, release, 5000);
    expect(officialSizes(tinyConfig, mapOf(shards))).toEqual(
      new Map(shards.map(({ file, size }) => [file, size])),
    );
  });

  it("are not known when the index lists other tensors", () => {
    const map = mapOf(officialShards(tinyConfig, "fp8", 5000));
    const [first] = map.keys();
    expect(officialSizes(tinyConfig, new Map([...map, ["one.more", "x.safetensors"]])).size).toBe(
      0,
    );
    map.delete(first);
    expect(officialSizes(tinyConfig, map).size).toBe(0);
  });
});
