/** The table of known bugs in README.md says where each is tested: is it? */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MUTANTS } from "../tools/golden/mutants/all.ts";

const read = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");
const rows = [...read("README.md").matchAll(/^\| (G\d\d) \| (.+) \| (.+) \|$/gm)].map(
  ([, id, bug, tests]) => ({ id, bug, tests }),
);
const mutated = new Set(MUTANTS.map(({ bug }) => String(bug)));

describe("the table of known bugs", () => {
  test("has the rows G01 … G46, in order", () => {
    const ids = Array.from({ length: 46 }, (_, i) => `G${String(i + 1).padStart(2, "0")}`);
    expect(rows.map(({ id }) => id)).toEqual(ids);
  });

  test.each(rows)("$id: $bug", ({ id, tests }) => {
    const files = [...tests.matchAll(/`([\w/.-]+\.ts)`/g)].map(([, file]) => file);
    for (const file of files) {
      expect(existsSync(new URL(file, import.meta.url)), file).toBe(true);
      if (id !== "G33") expect(read(file), `${file} does not name ${id}`).toContain(id);
    }
    expect(tests.includes("mutants")).toBe(mutated.has(id));
    expect(files.length > 0 || mutated.has(id) || tests.startsWith("none: ")).toBe(true);
  });

  test("every mutant has a number of the table, or is a control (D6, D9)", () => {
    const known = new Set([...rows.map(({ id }) => id), "D6", "D9"]);
    expect([...mutated].filter((id) => !known.has(id))).toEqual([]);
  });
});
