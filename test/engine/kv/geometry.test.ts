/** Compares sizes with those of the published model, which were computed by hand. */
import { describe, expect, it } from "vitest";
import { CacheError } from "../../../engine/kv/cache-error.ts";
import {
  indexKeyBytes,
  latentRowBytes,
  positionBytes,
  selectionGroups,
} from "../../../engine/kv/geometry.ts";

const isFull = (layer: number) => layer < 3 || (layer - 2) % 4 === 0;
const GLM52 = {
  indexerTypes: Array.from({ length: 78 }, (_, i) =>
    isFull(i) ? ("full" as const) : ("shared" as const),
  ),
  kvLoraRank: 512,
  qkRopeHeadDim: 64,
  indexHeadDim: 128,
};

describe("the geometry of GLM-5.2", () => {
  it("has 21 groups: two single layers, then 19 of four", () => {
    const groups = selectionGroups(GLM52.indexerTypes).map(({ layers }) => layers);
    expect(groups.map((layers) => layers.length)).toEqual([1, 1, ...Array(19).fill(4)]);
    expect(groups[2]).toEqual([2, 3, 4, 5]);
    expect(groups.flat()).toEqual(Array.from({ length: 78 }, (_, i) => i));
  });

  it.each([
    ["f32", 2304, 512],
    ["bf16", 1152, 256],
    ["int8", 656, 132],
  ] as const)("in %s, a row has %i bytes and a key %i", (format, row, key) => {
    expect(latentRowBytes(GLM52, format)).toBe(row);
    expect(indexKeyBytes(GLM52, format)).toBe(key);
  });

  it("costs 179,712 + 10,752 bytes a position in f32, 51,168 + 5,376 as int8 with bf16 keys", () => {
    expect(positionBytes(GLM52, "f32", "f32")).toEqual({ latent: 179_712, index: 10_752 });
    expect(positionBytes(GLM52, "int8", "bf16")).toEqual({ latent: 51_168, index: 5_376 });
  });

  it("counts a scale for a last group of fewer than 64", () => {
    expect(latentRowBytes({ ...GLM52, kvLoraRank: 65, qkRopeHeadDim: 2 }, "int8")).toBe(65 + 4 + 4);
  });

  it("refuses a first layer that has nothing to share", () => {
    expect(() => selectionGroups(["shared", "full"])).toThrow(
      new CacheError("indexer_types", "expected layer 0 to be full, got shared"),
    );
  });
});
