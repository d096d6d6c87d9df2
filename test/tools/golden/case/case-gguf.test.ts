/** Tests that llama.cpp, a right engine with f16 caches, passes on the GGUF files of the pack. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readCase, readDump } from "../../../../tools/golden/case/case.ts";
import type { Envelope } from "../../../../tools/golden/case/envelope-file.ts";
import type { Manifest } from "../../../../tools/golden/case/manifest.ts";
import { compareLogits, distanceOf } from "../../../../tools/golden/judge/distance.ts";
import { llamaLogits } from "../../../../tools/golden/witness/llama.ts";
import { hasLlama, PEERS } from "../../../support/llama.ts";
import { CASES, ROOT } from "../../../support/paths.ts";

const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, "golden/manifest.json"), "utf8"));
/** Of the cases that llama.cpp can hold, those in which f16 caches turn no choice. */
const names = Object.entries(manifest.cases).flatMap(([name, { gguf, certified }]) =>
  gguf === true && certified.includes("f16-cache") ? [name] : [],
);

describe.skipIf(!hasLlama)("llama.cpp (skipped: GLM52_PEERS names no folder that has it)", () => {
  it.each(names)(
    "%s: logits within the envelope of f16 caches, every most likely token the same",
    async (name) => {
      const dir = join(CASES, name);
      const { tokens } = await readCase(dir);
      const envelope: Envelope = JSON.parse(readFileSync(join(dir, "envelope.json"), "utf8"));
      const want = (await readDump(join(dir, "f64.safetensors"))).get("logits");
      if (!want) throw new Error("no logits");
      const rows = await llamaLogits(PEERS, join(dir, "model.gguf"), tokens);
      const got = Float64Array.from(rows.flatMap((row) => [...row]));
      const { logits } = envelope.stages;
      const [rms = 0, largest = 0] = logits?.["f16-cache"] ?? [];
      const distance = distanceOf(got, want.data, want.data.length);
      expect(distance.rms).toBeLessThan(envelope.room * rms);
      expect(distance.largest).toBeLessThan(envelope.room * largest);
      const report = compareLogits(got, want.data, tokens.length, want.shape[1] ?? 0, 0);
      expect(report.sameTop).toBe(tokens.length);
    },
  );
});
