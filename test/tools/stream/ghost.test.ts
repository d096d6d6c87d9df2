/** Tests of ghosts of released checkpoints, small ones and that of GLM-5.2. */
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { INDEX_FILE } from "../../../engine/weights/checkpoint.ts";
import { inspectPath } from "../../../tools/inspect/inspect-folder.ts";
import { writeGhost } from "../../../tools/stream/ghost.ts";
import { CASES, scratchFolder } from "../../support/paths.ts";

const scratch = scratchFolder();
const config = join(CASES, "real-ratios/model/config.json");
const limit = 20_000;

/** Whether files of the temporary folder may have holes. */
const keepsHoles = ((): boolean => {
  const path = join(scratch, "hole");
  const file = openSync(path, "w");
  ftruncateSync(file, 2 ** 26);
  closeSync(file);
  return statSync(path).blocks * 512 < 2 ** 20;
})();
const skip = !keepsHoles && `files in ${tmpdir()} have no holes`;

describe.skipIf(skip)("a ghost of a small model", () => {
  it.each(["fp8", "bf16"] as const)(
    "in %s has all files, and the engine matches it",
    async (release) => {
      const out = join(scratch, release);
      const { files, filesListed, bytes } = await writeGhost(out, { config, limit, release });
      expect(files).toBe(filesListed);
      expect(files).toBeGreaterThan(20);
      const names = readdirSync(out).filter((name) => /^model-\d{5}-of-\d{5}/.test(name));
      expect(names.length).toBe(files);
      const sizes = names.map((name) => statSync(join(out, name)).size);
      expect(sizes.reduce((a, b) => a + b)).toBe(bytes);
      const { inspection, quantization } = await inspectPath(out);
      expect(inspection.partial).toBeUndefined();
      expect(inspection.mtp).toBe(true);
      expect(inspection.stops).toEqual([]);
      expect(quantization?.name).toBe(release === "fp8" ? "fp8" : undefined);
    },
  );

  it("of its first layers has their files, and the index lists all", async () => {
    const out = join(scratch, "first");
    const { files, filesListed } = await writeGhost(out, { config, limit, layers: 4 });
    expect(files).toBeLessThan(filesListed);
    const { weight_map: map } = JSON.parse(readFileSync(join(out, INDEX_FILE), "utf8"));
    expect(new Set(Object.values(map)).size).toBe(filesListed);
    const { partial } = (await inspectPath(out)).inspection;
    expect(partial?.layers).toBe(4);
    expect(partial?.logits).toBe(true);
    expect(partial?.forAll.bytes).toBeGreaterThan(0);
  });

  it("leaves nothing behind when it fails", async () => {
    const before = readdirSync(scratch);
    const refused = (options: Parameters<typeof writeGhost>[1]) =>
      expect(writeGhost(join(scratch, "none"), { config, ...options })).rejects;
    await refused({ layers: 8 }).toThrow("layers: expected at most 7, got 8");
    await refused({ signal: AbortSignal.abort(new Error("enough")) }).toThrow("enough");
    await refused({ config: join(scratch, "nowhere.json") }).toThrow();
    await expect(writeGhost(join(scratch, "first"), { config })).rejects.toThrow(
      "expected a new or empty folder",
    );
    expect(readdirSync(scratch)).toEqual(before);
  });
});

it.skipIf(skip)(
  "the ghost of GLM-5.2 takes 26 MB, and the engine knows its 755,617,140,416 bytes",
  async () => {
    const out = join(scratch, "glm");
    const { files, bytes, bytesOnDisk } = await writeGhost(out);
    expect([files, bytes]).toEqual([141, 755_632_050_320]);
    expect(bytesOnDisk).toBeLessThan(20e6);
    expect(statSync(join(out, INDEX_FILE)).size).toBe(11_359_251);
    const { inspection } = await inspectPath(out);
    expect(inspection.files?.tensors).toBe(118_629);
    expect(inspection.files?.bytes).toBe(755_617_140_416);
    expect(inspection.mtp).toBe(true);
    expect(inspection.partial).toBeUndefined();
  },
);
