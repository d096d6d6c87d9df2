import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { referenceOps } from "../../../engine/ops/reference/index.ts";
import { readExactly } from "../../../engine/weights/byte-source.ts";
import { openCheckpoint, SINGLE_FILE } from "../../../engine/weights/checkpoint.ts";
import { loadWeights } from "../../../engine/weights/load.ts";
import { WeightsError } from "../../../engine/weights/weights-error.ts";
import { writeSafetensors } from "../../../engine/weights/write-safetensors.ts";
import { fileCheckpoint } from "../../../tools/node/file-source.ts";
import { checkpointOf, randomTensors, tinyConfig } from "../../engine/weights/fixtures.ts";
import { inFull } from "../../support/in-full.ts";

let folder: string;
const tensors = randomTensors(tinyConfig, { format: "BF16" });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "glm52-"));
  await writeFile(join(folder, SINGLE_FILE), writeSafetensors(tensors));
  await writeFile(join(folder, "config.json"), "{}");
});
afterAll(() => rm(folder, { recursive: true }));

it("loads from disk what it loads from memory, and closes its files", async () => {
  const files = fileCheckpoint(folder);
  expect((await files.list()).toSorted()).toEqual(["config.json", SINGLE_FILE]);
  const checkpoint = await openCheckpoint(files);
  const loaded = await loadWeights(referenceOps(), tinyConfig, checkpoint);
  const inMemory = await loadWeights(referenceOps(), tinyConfig, await checkpointOf(tensors));
  expect(inFull(loaded)).toEqual(inFull(inMemory));
  await files.close();
  await expect(checkpoint.read("model.norm.weight")).rejects.toThrow(/closed|EBADF/);
});

it("says so when a file ends before its size", async () => {
  const name = "shrinks.bin";
  await writeFile(join(folder, name), new Uint8Array(100));
  const files = fileCheckpoint(folder);
  const source = await files.open(name);
  await truncate(join(folder, name), 10);
  await expect(readExactly(source, 4, 20)).rejects.toThrow(
    new WeightsError("shrinks.bin", "expected 20 bytes at 4, got 6"),
  );
  await files.close();
});

it("opens names, not paths", async () => {
  await expect(fileCheckpoint(folder).open("../x.safetensors")).rejects.toThrow(
    new WeightsError("../x.safetensors", "expected a name, got a path"),
  );
});
