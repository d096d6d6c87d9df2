/** Tests of `glm52 golden check` with cases of a pack, and on this engine itself. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CASES, scratchFolder, TINY } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const pack = scratchFolder();
const spoiled = join(pack, "cases/spoiled");
mkdirSync(join(pack, "cases"));
cpSync(join(CASES, "eps-visible"), join(pack, "cases/eps"), { recursive: true });
cpSync(TINY, spoiled, { recursive: true });
// This epsilon is not the one with which HF transformers ran.
const info = JSON.parse(readFileSync(join(spoiled, "case.json"), "utf8"));
writeFileSync(join(spoiled, "case.json"), JSON.stringify({ ...info, latentEps: 1e-2 }));

const tiny = join(TINY, "f32.safetensors");
const eps = join(CASES, "eps-visible/f32.safetensors");
const check = (...argv: string[]) => glm52(["golden", "check", ...argv]);

describe("--case NAME", () => {
  it("is a case of the project's pack", async () => {
    const { code, stdout } = await check(tiny, "--case", "tiny-all");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ok: \d+ stages of tiny-all$/m)]);
  });

  it("is a case of the pack given", async () => {
    const { code, stdout } = await check(eps, "--pack", pack, "--case", "eps");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ok: \d+ stages of eps-visible$/m)]);
  });

  const refused: [string, string[], string][] = [
    [
      "a case that the pack lacks",
      [tiny, "--pack", pack, "--case", "tiny-all"],
      `${pack}: expected a case of eps, spoiled; got tiny-all`,
    ],
    [
      "a folder without cases",
      [tiny, "--pack", TINY, "--case", "tiny-all"],
      `${TINY}: expected a pack with cases/, found none`,
    ],
    ["a dump without a case", [tiny], "--case: expected one case for a dump, got none"],
    [
      "a dump with two cases",
      [tiny, "--case", "tiny-all", "--case", "long-520"],
      "--case: expected one case for a dump, got tiny-all, long-520",
    ],
  ];
  it.each(refused)("refuses %s", async (_what, argv, message) => {
    const { code, stdout, stderr } = await check(...argv);
    expect([code, stdout]).toEqual([message.startsWith("--case") ? 2 : 1, ""]);
    expect(stderr).toContain(message);
  });
});

describe("--self", () => {
  it("runs each backend on each case named and exits with 0 when all pass", async () => {
    const { code, stdout } = await check("--self", "--case", "tiny-all", "--case", "dense-only");
    expect(code).toBe(0);
    expect(stdout.match(/^(tiny-all|dense-only) +(reference|wasm) /gm)).toHaveLength(4);
    expect(stdout).toMatch(/^tiny-all +wasm +146 ok, 0 explained of 146 /m);
    expect(stdout).toMatch(/^4 of 4 runs pass$/m);
  });

  it("without a case runs all of the pack, and exits with 3 where one does not pass", async () => {
    const { code, stdout } = await check("--self", "--pack", pack, "--json");
    expect(code).toBe(3);
    const results: { case: string; backend: string; firstOff?: string }[] = JSON.parse(stdout);
    expect(results.map((result) => [result.case, result.backend, result.firstOff])).toEqual([
      ["eps", "reference", undefined],
      ["eps", "wasm", undefined],
      ["spoiled", "reference", "qr-0"],
      ["spoiled", "wasm", "qr-0"],
    ]);
  });

  it("takes no dump, and a dump is needed without it", async () => {
    for (const argv of [
      ["--self", tiny],
      ["--case", "tiny-all"],
    ]) {
      const { code, stderr } = await check(...argv);
      expect(code).not.toBe(0);
      expect(stderr).toContain("give either a dump or --self");
    }
  });
});
