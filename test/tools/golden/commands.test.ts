/** Tests of the commands of `glm52 golden` for makers of the pack, each with very little work. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CASES, ROOT, scratchFolder } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

/** A pack with one case. */
function onePack(name: string): string {
  const pack = scratchFolder();
  mkdirSync(join(pack, "cases"));
  cpSync(join(CASES, name), join(pack, "cases", name), { recursive: true });
  return pack;
}

describe("glm52 golden sweep", () => {
  it("prints a line for each case and the table, exit code 0", async () => {
    const { code, stdout } = await glm52(["golden", "sweep", join(onePack("dense-only"), "cases")]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^dense-only: ok$/m);
    expect(stdout).toMatch(/^\| dense-only \| 24 \| .* \| 72 \/ 72 \| 0 \| 0 \|$/m);
  });

  it("names the stage of a case that does not agree, exit code 3, and writes the table", async () => {
    const pack = onePack("dense-only");
    const dir = join(pack, "cases/dense-only");
    const json = JSON.parse(readFileSync(join(dir, "case.json"), "utf8"));
    writeFileSync(join(dir, "case.json"), JSON.stringify({ ...json, latentEps: 0.1 }));
    const out = join(pack, "sweep.md");
    const { code, stdout } = await glm52(["golden", "sweep", join(pack, "cases"), "--out", out]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^dense-only: f64 logits off by/);
    expect(readFileSync(out, "utf8")).toContain("| dense-only |");
  });

  it("says in a sentence that there is no such folder", async () => {
    const { code, stderr } = await glm52(["golden", "sweep", join(scratchFolder(), "none")]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("no such file or directory")]);
  });
});

describe("glm52 golden mutations", () => {
  it("writes what a case catches; exit code 3 when that is not everything", async () => {
    const pack = onePack("dense-only");
    const { code, stderr } = await glm52(["golden", "mutations", pack]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^dense-only\n\d+ of \d+ mistakes are caught\n$/);
    const read = (folder: string) =>
      JSON.parse(readFileSync(join(folder, "mutation-matrix.json"), "utf8"));
    expect(read(pack).cases["dense-only"]).toEqual(read(join(ROOT, "golden")).cases["dense-only"]);
  });
});

describe("glm52 golden table", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("is empty where no engine is there, and says why", async () => {
    vi.stubEnv("GLM52_PYTHON", "");
    vi.stubEnv("GLM52_PEERS", "");
    const { code, stdout } = await glm52(["golden", "table", "tiny-all"]);
    expect(code).toBe(0);
    expect(stdout).toContain("| case | engine |");
    expect(stdout).toContain("- HF transformers: GLM52_PYTHON names no Python that has it");
    expect(stdout).toContain("- llama.cpp: GLM52_PEERS names no folder with node-llama-cpp");
  });

  it("refuses a case that there is not", async () => {
    const { code, stderr } = await glm52(["golden", "table", "tiny-none"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("got tiny-none")]);
  });
});

describe("glm52 golden search-prompt", () => {
  it("wants a class", async () => {
    const { code, stderr } = await glm52(["golden", "search-prompt", join(CASES, "tiny-all")]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--class")]);
  });

  it("prints as many tokens as the case has", async () => {
    const pack = onePack("dense-only");
    const dir = join(pack, "cases/dense-only");
    writeFileSync(join(dir, "tokens.json"), JSON.stringify({ tokens: [3, 1, 4] }));
    rmSync(join(dir, "envelope.json"));
    const { code, stdout, stderr } = await glm52([
      ...["golden", "search-prompt", dir, "--class", "f32"],
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toHaveLength(3);
    expect(stderr).toMatch(/^1 of 3: .*\n2 of 3: .*\n3 of 3: .*\nnarrowest choice: /);
  });
});
