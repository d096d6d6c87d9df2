/**
 * Tests that a run of HF transformers, written by hf-dump.py, passes `golden check`. GLM52_PYTHON
 * names a python that has HF transformers.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CASES, ROOT, scratchFolder } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const { GLM52_PYTHON: python = "" } = process.env as { readonly GLM52_PYTHON?: string };
const script = join(ROOT, "tools/golden/witness/hf-dump.py");
const scratch = scratchFolder();

describe.skipIf(!python)(
  "hf-dump.py (skipped: GLM52_PYTHON names no python with transformers)",
  () => {
    it.each([
      ["tiny-all", "float32", /^ok: 92 stages of tiny-all$/m],
      ["clear-bf16", "float32", /^ok: 67 stages of clear-bf16$/m],
      ["clear-bf16", "bfloat16", /^ok: 67 stages of clear-bf16$/m],
      ["fp8-blocks", "float32", /^ok: 35 stages of fp8-blocks$/m],
    ])("%s in %s is right in every stage", async (name, dtype, ok) => {
      const dump = join(scratch, `${name}-${dtype}.safetensors`);
      const run = spawnSync(python, [script, join(CASES, name), dump, "--dtype", dtype]);
      expect(String(run.stderr)).not.toContain("Traceback");
      const { code, stdout } = await glm52(["golden", "check", dump, "--case", name]);
      expect(stdout).toMatch(ok);
      expect(code).toBe(0);
    });
    it("with --fp8 transformers, fp8-blocks is off: blocks of equal size (transformers 5.24)", async () => {
      const dump = join(scratch, "fp8.safetensors");
      spawnSync(python, [script, join(CASES, "fp8-blocks"), dump, "--fp8", "transformers"]);
      const { code, stdout } = await glm52(["golden", "diagnose", dump, "--case", "fp8-blocks"]);
      expect([code, stdout]).toEqual([
        3,
        expect.stringContaining("  G09: fp8 blocks are of equal"),
      ]);
    }, 60_000);
  },
);
