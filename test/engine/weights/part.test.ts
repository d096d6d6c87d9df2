/** Tests of checkpoints of which some files are missing. */
import { describe, expect, it } from "vitest";
import { memoryFiles } from "../../../engine/weights/byte-source.ts";
import { INDEX_FILE, openCheckpoint } from "../../../engine/weights/checkpoint.ts";
import { type MatchedTensors, matchTensors } from "../../../engine/weights/match-tensors.ts";
import { type ModelPart, openPart } from "../../../engine/weights/part.ts";
import { WeightsError } from "../../../engine/weights/weights-error.ts";
import { inspectCheckpoint } from "../../../tools/inspect/inspect.ts";
import { renderInspection } from "../../../tools/inspect/inspect-text.ts";
import { officialIndex, officialShards, shardsOf } from "../../../tools/stream/official-shards.ts";
import { tinyConfig } from "./fixtures.ts";

const shards = officialShards(tinyConfig, "fp8", 9000);
const index = new TextEncoder().encode(officialIndex(shards));
const needed = (part: ModelPart): string[] =>
  shardsOf(tinyConfig, shards, part).map(({ file }) => file);

/** The checkpoint with only these files, all of whose numbers are zero. */
const only = (names: readonly string[]) =>
  memoryFiles({
    [INDEX_FILE]: index,
    ...Object.fromEntries(
      shards
        .filter(({ file }) => names.includes(file))
        .map(({ file, header, size }) => {
          const bytes = new Uint8Array(size);
          bytes.set(header.bytes);
          return [file, bytes];
        }),
    ),
  });

/** Opens and matches a part of a checkpoint with only these files. */
async function match(names: readonly string[], part: ModelPart): Promise<MatchedTensors> {
  const checkpoint = await openPart(only(names), tinyConfig, part);
  return matchTensors(tinyConfig, checkpoint, "ifUsable", part);
}

describe("the first layers", () => {
  const parts = [1, 2, 3, 4].flatMap((layers) => [
    { layers, logits: true },
    { layers, logits: false },
  ]);

  it.each(parts)("match with the files that %o needs", async (part) => {
    const { specs, noLogits, bytes } = await match(needed(part), part);
    expect(specs.layers.length).toBe(part.layers);
    expect(bytes).toBeLessThanOrEqual(shards.reduce((n, { size }) => n + size, 0));
    if (part.logits) expect(noLogits).toBeUndefined();
  });

  it.each(parts)("do not match without any one of the files that %o needs", async (part) => {
    for (const lost of needed(part)) {
      const rest = needed(part).filter((file) => file !== lost);
      await expect(match(rest, part)).rejects.toThrow(WeightsError);
      await expect(match(rest, part)).rejects.toThrow(`${lost} (0.00 GB) is not there`);
    }
  });

  it("are counted in bytes without later layers, which are left aside", async () => {
    const all = shards.map(({ file }) => file);
    const sizes = [];
    for (const layers of [1, 2, 3, 4]) {
      const { specs, bytes, asides, noMtp } = await match(all, { layers });
      sizes.push(bytes);
      expect(specs.layers.length).toBe(layers);
      if (layers === 4) continue;
      expect(specs.mtp).toBeUndefined();
      expect(noMtp).toBe(`only the first ${layers} layers are wanted`);
      expect(asides.map(({ what }) => what.replace(/ \(.*/, "")).sort()).toEqual([
        `layers from ${layers} on`,
        "model.layers.4.*",
      ]);
    }
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
  });
});

describe("logits that nobody wants", () => {
  const part = { layers: 2, logits: false };
  const [lastFile] = shards
    .filter(({ tensors }) => tensors.has("model.norm.weight"))
    .map(({ file }) => file);

  it("need no norm, and it is said why there are none", async () => {
    const files = needed(part).filter((file) => file !== lastFile);
    const { noLogits, asides } = await match(files, part);
    expect(noLogits).toBe(`${INDEX_FILE}: ${lastFile} (0.00 GB) is not there`);
    expect(asides).toContainEqual({
      what: "lm_head.weight (1 tensor)",
      why: "no logits are wanted",
    });
  });

  it("are possible all the same when norm and head are there", async () => {
    const { noLogits } = await match([...needed(part), lastFile], part);
    expect(noLogits).toBeUndefined();
  });
});

describe("the error about missing files", () => {
  it("lists all of them in one sentence, and who needs them", async () => {
    const part = { layers: 2, logits: false };
    const [first, ...others] = needed(part);
    const [a, b] = others;
    const rest = [first, ...others.slice(2)];
    await expect(match(rest, part)).rejects.toThrow(
      `${INDEX_FILE}: ${a} (0.00 GB) and ${b} (0.00 GB) are not there, and the first 2 layers need them`,
    );
  });

  it("counts those beyond twenty", async () => {
    const message =
      /^.*: (model-\S+ \(0\.00 GB\), ){19}model-\S+ \(0\.00 GB\) and \d+ others are not there$/;
    const many = new TextEncoder().encode(officialIndex(officialShards(tinyConfig, "fp8", 5000)));
    const files = memoryFiles({ [INDEX_FILE]: many });
    await expect(openPart(files, tinyConfig)).rejects.toThrow(message);
  });

  it("says no sizes where the index is not that of a released repository", async () => {
    const map = { a: "a.safetensors", b: "b.safetensors" };
    const text = new TextEncoder().encode(JSON.stringify({ weight_map: map }));
    await expect(openPart(memoryFiles({ [INDEX_FILE]: text }), tinyConfig)).rejects.toThrow(
      `${INDEX_FILE}: a.safetensors and b.safetensors are not there`,
    );
  });
});

describe("an inspection of what is there", () => {
  const inspect = async (names: readonly string[]) =>
    inspectCheckpoint(
      { config: tinyConfig },
      await openCheckpoint(only(names), { canLack: () => true }),
    );

  it("finds the layers that can run, with and without logits", async () => {
    for (const layers of [1, 2, 3, 4]) {
      for (const logits of [false, true]) {
        const { partial, parameters } = await inspect(needed({ layers, logits }));
        if (layers === 4 && logits) expect(partial).toBeUndefined();
        else expect(partial?.layers).toBeGreaterThanOrEqual(layers);
        if (logits && partial) expect(partial.logits).toBe(true);
        const { parameters: all } = inspectCheckpoint({ config: tinyConfig });
        expect(parameters.main).toEqual(all.main);
      }
    }
  });

  it("names what is to be got", async () => {
    const part = { layers: 2, logits: false };
    const inspection = await inspect(needed(part));
    const { partial } = inspection;
    expect(partial?.layers).toBe(2);
    const all = needed({ layers: 3, logits: false });
    expect(partial?.forNextLayer.files).toEqual(all.filter((f) => !needed(part).includes(f)));
    expect(partial?.forAll.files).toEqual(needed({}).filter((f) => !needed(part).includes(f)));
    const text = renderInspection(inspection);
    expect(text).toContain("files are missing: layers 0 to 1 of 4 can run, without logits; to get");
    expect(text).toContain("  for layer 2");
  });

  it("says that nothing can run without the embedding", async () => {
    const inspection = await inspect([]);
    expect(inspection.partial?.layers).toBe(0);
    expect(renderInspection(inspection)).toContain("files are missing: no layer can run; to get");
  });
});
