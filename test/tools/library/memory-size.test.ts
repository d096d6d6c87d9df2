/** Tests how much memory is reserved for a model. */
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../engine/index.ts";
import { memorySize } from "../../../tools/library/memory-size.ts";
import { TINY_CONFIG } from "../../support/tiny-model.ts";

const GIB = 2 ** 30;

describe("the memory of a model", () => {
  const config = (positions: number, layers = 5) =>
    parseConfig({
      ...TINY_CONFIG,
      max_position_embeddings: positions,
      num_hidden_layers: layers,
      indexer_types: Array.from({ length: layers }, () => "full"),
    });
  const rowBytes = 4 * (8 + 4) + 4 * 8;

  it("has room for the weights twice, a step, and the whole context", () => {
    const { wanted, least } = memorySize(config(100_000), 2 ** 20);
    expect(wanted).toBe(GIB + 2 ** 21 + 100_000 * 5 * rowBytes);
    expect(least).toBe(GIB + 2 ** 21);
  });

  it("has one memory for caches alone when they do not fit beside the weights", () => {
    expect(memorySize(config(2 ** 20, 60), GIB).wanted).toBe(4 * GIB + 2 * GIB);
    expect(memorySize(config(1000), 2 * GIB).wanted).toBe(4 * GIB + 4 * GIB);
  });
});
