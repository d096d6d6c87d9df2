/** The tables of known bugs, here and in MODEL.md, agree with the atlas of mistakes. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MUTANTS } from "../tools/golden/mutants/all.ts";
import { BUGS, type Bug } from "../tools/golden/mutants/bugs.ts";
import { nameOf } from "../tools/golden/mutants/mutant.ts";

const read = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");
const rows = [...read("README.md").matchAll(/^\| (G\d\d) \| (.+?) \| (.+) \|$/gm)].map(
  ([, id, title, tests]) => ({ id, title, tests }),
);
const mutated = new Set<string>(MUTANTS.map(({ bug }) => bug));
const isControl = (id: string): boolean => id.startsWith("D");

describe("the table of known bugs", () => {
  test("has the bugs of the atlas and their titles, in order", () => {
    const bugs = Object.entries(BUGS).filter(([id]) => !isControl(id));
    const lines = (table: readonly (readonly [string, string])[]) =>
      table.map(([id, title]) => `| ${id} | ${title} |`);
    expect(lines(rows.map(({ id, title }) => [id, title]))).toEqual(lines(bugs));
  });

  test.each(rows)("$id: $title", ({ id, tests }) => {
    const files = [...tests.matchAll(/`([\w/.-]+\.ts)`/g)].map(([, file]) => file);
    for (const file of files) {
      expect(existsSync(new URL(file, import.meta.url)), file).toBe(true);
      if (id !== "G33") expect(read(file), `${file} does not name ${id}`).toContain(id);
    }
    expect(tests.includes("mutants")).toBe(mutated.has(id));
    expect(files.length > 0 || mutated.has(id) || tests.startsWith("none: ")).toBe(true);
  });
});

describe("the atlas", () => {
  test("is numbered without a gap, and every control has a mutant", () => {
    const ids = Object.keys(BUGS).sort();
    const numbered = ids.filter((id) => !isControl(id));
    expect(numbered).toEqual(numbered.map((_, i) => `G${String(i + 1).padStart(2, "0")}`));
    expect(ids.filter((id) => isControl(id) && !mutated.has(id))).toEqual([]);
  });

  test("has no two mutants of one name, nor of one sentence", () => {
    expect(new Set(MUTANTS.map(nameOf)).size).toBe(MUTANTS.length);
    expect(new Set(MUTANTS.map(({ what }) => what)).size).toBe(MUTANTS.length);
  });

  test("has every bug that MODEL.md names", () => {
    const named = new Set(read("../MODEL.md").match(/\bG\d\d\b/g));
    expect(named.size).toBeGreaterThan(0);
    expect([...named].filter((id) => BUGS[id as Bug] === undefined)).toEqual([]);
  });
});
