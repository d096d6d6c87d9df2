/** Tests of the project's rules that a machine can check. */
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
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file))
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

/** The files that each file of these folders imports, including type imports. */
function importsOf(folders: readonly string[]): Map<string, string[]> {
  return new Map(
    folders.flatMap(sources).map((file) => {
      const text = readFileSync(join(root, file), "utf8");
      const found = [...text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g)];
      return [file, found.map(([, path]) => join(file, "..", path))];
    }),
  );
}

/** A path of imports from `file` back to itself, or an empty list if there is none. */
function circle(imports: Map<string, string[]>, file: string): string[] {
  const cameFrom = new Map<string, string>();
  const queue = [file];
  for (const at of queue) {
    for (const next of imports.get(at) ?? []) {
      if (next === file) {
        const way = [at];
        while (way[0] !== file) way.unshift(cameFrom.get(way[0]) as string);
        return way;
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      queue.push(next);
    }
  }
  return [];
}

/** The folders of tools/, from the lowest one up: each imports only from those before it. */
const ROOMS = [
  "library",
  "node",
  "sessions",
  "convert",
  "inspect",
  "stream",
  "constrain",
  "serve",
  "remote",
  "eval",
  "agent",
  "golden/case",
  "golden/mutants",
  "golden/dump",
  "golden/judge",
  "golden/diagnose",
  "golden/explain",
  "golden/build",
  "golden/report",
  "golden/witness",
  "golden",
  "verify",
  "explorer/shapes",
  "explorer",
  "explorer/live",
  "explorer/serve",
  "cli",
  "docs",
  "explorer/page",
  "explorer/build",
];

const roomOf = (file: string): string =>
  /^tools\/((?:golden|explorer)\/\w+(?=\/)|\w+)/.exec(file)?.[1] ?? "outside";

describe("imports", () => {
  it("run in no circle, type imports included", () => {
    const imports = importsOf(["engine", "tokenizer", "tools"]);
    expect([...imports.values()].flat().length).toBeGreaterThan(500);
    const circles = [...imports.keys()].map((file) => circle(imports, file));
    expect(circles.filter((way) => way.length > 0)).toEqual([]);
  });

  it("of a circle are found", () => {
    const imports = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b"]],
    ]);
    expect(["a", "b", "c"].map((file) => circle(imports, file))).toEqual([
      [],
      ["b", "c"],
      ["c", "b"],
    ]);
  });

  it("in tools/ run from a room to those below it", () => {
    const upwards = [...importsOf(["tools"])].flatMap(([file, targets]) =>
      targets
        .filter((target) => target.startsWith("tools/"))
        .filter((target) => ROOMS.indexOf(roomOf(target)) > ROOMS.indexOf(roomOf(file)))
        .map((target) => `${file} imports ${target}`),
    );
    expect(sources("tools").filter((file) => !ROOMS.includes(roomOf(file)))).toEqual([]);
    expect(upwards).toEqual([]);
  });
});

describe("functions of the engine", () => {
  it("take at most seven arguments, kernels apart", () => {
    const long = sources("engine")
      .filter((file) => !file.endsWith("wasm/kernels.ts"))
      .flatMap((file) => {
        const text = readFileSync(join(root, file), "utf8");
        return manyArguments(text, 7).map((name) => `${file}: ${name}`);
      });
    expect(long).toEqual([]);
    expect(manyArguments("const f = (a, b, c) => 0; class C { g(a, b) {} }", 1)).toEqual([
      "(a, b, c) => 0",
      "g(a, b) {}",
    ]);
  });
});

/** Functions with more than `most` parameters, as they begin. */
function manyArguments(text: string, most: number): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && node.parameters.length > most) {
      found.push(node.getText().slice(0, 60));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("x.ts", text, ts.ScriptTarget.Latest, true));
  return found;
}

const IMPORTS: [folder: string, imported: string, rule: string | undefined][] = [
  ["engine", "../tools/library/chat.ts", "noRestrictedImports"],
  ["engine", "../tokenizer/index.ts", "noRestrictedImports"],
  ["engine", "node:fs", "noNodejsModules"],
  ["engine", "./base/tensor.js", "useImportExtensions"],
  ["engine", "./tensor.ts", undefined],
  ["engine", "@petamoriken/float16", undefined],
  ["engine", "commander", "noRestrictedImports"],
  ["engine/model", "@petamoriken/float16", "noRestrictedImports"],
  ["engine/model", "../ops/reference/linear.ts", "noRestrictedImports"],
  ["engine/model", "../generate/session.ts", "noRestrictedImports"],
  ["engine/model", "../ops/ops.ts", undefined],
  ["tokenizer", "../engine/index.ts", "noRestrictedImports"],
  ["tokenizer", "node:fs", "noNodejsModules"],
  ["tools/constrain", "node:fs", "noNodejsModules"],
  ["tools/sessions", "../cli/numbers.ts", "noRestrictedImports"],
  ["tools/cli/commands", "./run.ts", "noRestrictedImports"],
  ["tools/cli/commands", "../numbers.ts", undefined],
  ["tools/library", "../node/open.ts", "noRestrictedImports"],
  ["tools/library", "../../engine/index.ts", undefined],
];

/** Rules that each of the wrong files breaks, found by the linter in a copy of the house. */
function lint(): Map<string, string[]> {
  const copy = mkdtempSync(join(tmpdir(), "glm52-house-"));
  cpSync(join(root, "biome.json"), join(copy, "biome.json"));
  for (const folder of ["engine/base", ...IMPORTS.map(([folder]) => folder)])
    mkdirSync(join(copy, folder), { recursive: true });
  writeFileSync(join(copy, "engine/base/tensor.ts"), "export const x = 1;\n");
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
