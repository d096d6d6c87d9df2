/** The rules of the house that a machine can keep. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file));

const nLines = (file: string): number =>
  readFileSync(join(root, file), "utf8").split("\n").length - 1;

describe("the house", () => {
  it("has no source file of more than 300 lines", () => {
    const files = ["engine", "tokenizer", "tools"].flatMap(sources);
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => nLines(file) > 300)).toEqual([]);
  });

  it("keeps engine/model within 800 lines", () => {
    const total = sources("engine/model").reduce((sum, file) => sum + nLines(file), 0);
    expect(total).toBeLessThanOrEqual(800);
  });
});

const IMPORTS: [folder: string, imported: string, rule: string | undefined][] = [
  ["engine", "../tools/library/chat.ts", "noRestrictedImports"],
  ["engine", "../tokenizer/index.ts", "noRestrictedImports"],
  ["engine", "node:fs", "noNodejsModules"],
  ["engine", "./tensor.js", "useImportExtensions"],
  ["engine", "./tensor.ts", undefined],
  ["engine", "@petamoriken/float16", undefined],
  ["engine", "commander", "noRestrictedImports"],
  ["engine/model", "@petamoriken/float16", "noRestrictedImports"],
  ["engine/model", "../ops/reference/linear.ts", "noRestrictedImports"],
  ["engine/model", "../generate/session.ts", "noRestrictedImports"],
  ["engine/model", "../ops/ops.ts", undefined],
  ["tokenizer", "../engine/index.ts", "noRestrictedImports"],
  ["tokenizer", "node:fs", "noNodejsModules"],
];

/** Rules that each of the wrong files breaks, found by the linter in a copy of the house. */
function lint(): Map<string, string[]> {
  const copy = mkdtempSync(join(tmpdir(), "glm52-house-"));
  cpSync(join(root, "biome.json"), join(copy, "biome.json"));
  mkdirSync(join(copy, "engine/model"), { recursive: true });
  mkdirSync(join(copy, "tokenizer"));
  writeFileSync(join(copy, "engine/tensor.ts"), "export const x = 1;\n");
  IMPORTS.forEach(([folder, imported], i) => {
    const text = `import { x } from "${imported}";\n\nexport const y = x;\n`;
    writeFileSync(join(copy, folder, `case-${i}.ts`), text);
  });
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
  const { stdout } = spawnSync(process.execPath, [biome, "lint", "--reporter=json"], {
    cwd: copy,
    encoding: "utf8",
  });
  rmSync(copy, { recursive: true });
  const found = new Map<string, string[]>();
  for (const { category, location } of JSON.parse(stdout).diagnostics) {
    const file = JSON.stringify(location.path);
    const name = /case-\d+/.exec(file)?.[0] ?? file;
    found.set(name, [...(found.get(name) ?? []), category.split("/").at(-1)]);
  }
  return found;
}

describe("the linter", () => {
  const found = lint();
  it.each(IMPORTS.map((row, i) => [i, ...row] as const))(
    "case %i: in %s, an import of %s meets %s",
    (i, _folder, _imported, rule) => {
      expect(found.get(`case-${i}`) ?? []).toEqual(rule ? [rule] : []);
    },
  );
});
