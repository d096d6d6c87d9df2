/**
 * Tests of `glm52 golden witness llama`, which runs llama.cpp in this process, if it is installed.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasLlama, PEERS } from "../../../support/llama.ts";
import { CASES, scratchFolder } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const witness = (...more: string[]) => glm52(["golden", "witness", "llama", ...more]);
const scratch = scratchFolder();

describe("without node-llama-cpp", () => {
  it("says what to install, and where", async () => {
    const { code, stderr } = await witness("--case", "clear-mtp", "--from", scratch);
    expect(stderr).toMatch(
      /no node-llama-cpp in its node_modules: `npm install node-llama-cpp@[\d.]+`/,
    );
    expect(code).toBe(1);
  });
});

describe.skipIf(!hasLlama)("with it (skipped: GLM52_PEERS names no folder that has it)", () => {
  it("is right, and its dump passes golden check", async () => {
    const dump = join(scratch, "dump.safetensors");
    const { code, stdout } = await witness("--case", "clear-mtp", "--from", PEERS, "--out", dump);
    expect(stdout).toMatch(/^ok: 40 positions of clear-mtp$/m);
    expect(code).toBe(0);
    const args = ["golden", "check", dump, "--case", "clear-mtp", "--class", "f16-cache"];
    const checked = await glm52(args);
    expect(checked.stdout).toMatch(/^ok: 1 stages of clear-mtp$/m);
    expect(checked.code).toBe(0);
  });

  it("is off with another model's file", async () => {
    const file = join(CASES, "real-ratios/model.gguf");
    const { code, stderr } = await witness(file, "--case", "clear-mtp", "--from", PEERS);
    expect(stderr).toContain("expected logits of 256 tokens, got 384");
    expect(code).toBe(1);
  });

  it("says that a file is missing, or is none", async () => {
    const missing = await witness("no.gguf", "--case", "clear-mtp", "--from", PEERS);
    expect(missing.stderr).toContain("no.gguf: expected a GGUF file, found none");
    const other = join(CASES, "clear-mtp/tokens.json");
    const wrong = await witness(other, "--case", "clear-mtp", "--from", PEERS);
    expect(wrong.stderr).toContain(`${other}: node-llama-cpp: `);
    expect([missing.code, wrong.code]).toEqual([1, 1]);
  });
});
