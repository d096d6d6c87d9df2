/** Tests that the pack catches every known mistake, at the stage where it begins. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  caughtOn,
  type MutationMatrix,
  mutationMatrix,
} from "../../../../tools/golden/build/mutation-matrix.ts";
import { MISTAKES } from "../../../../tools/golden/mutants/all.ts";
import { nameOf } from "../../../../tools/golden/mutants/mutant.ts";
import { CASES, ROOT } from "../../../support/paths.ts";

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };
const matrix: MutationMatrix = JSON.parse(
  readFileSync(join(ROOT, "golden/mutation-matrix.json"), "utf8"),
);

describe("mutation-matrix.json", () => {
  it("has caught every mistake: a score of 100 %", () => {
    expect([matrix.caught, matrix.mutants]).toEqual([MISTAKES.length, MISTAKES.length]);
    const caught = new Set(Object.values(matrix.cases).flatMap((row) => Object.keys(row)));
    expect(MISTAKES.map(nameOf).filter((name) => !caught.has(name))).toEqual([]);
  });

  it("has no case that catches nothing", () => {
    const idle = Object.entries(matrix.cases).filter(([, row]) => Object.keys(row).length === 0);
    expect(idle).toEqual([]);
  });

  it.each(MISTAKES.map((mutant) => [nameOf(mutant), mutant] as const))(
    "%s: at the stage where it begins",
    (name, { golden, stage }) => {
      expect(matrix.cases[golden]?.[name]).toBe(stage);
    },
  );

  // All of them take a minute. GLM52_FULL=1 or npm run mutations runs them.
  const some = ["dense-only", "clear-bf16", "ties-one-head"];
  it.skipIf(GLM52_FULL === "1").each(some)("is made again: %s", async (name) => {
    expect(await caughtOn(join(CASES, name), MISTAKES)).toEqual(matrix.cases[name]);
  });
  it.skipIf(GLM52_FULL === "1")("is made again: each mistake on the case made for it", async () => {
    for (const golden of new Set(MISTAKES.map((mutant) => mutant.golden))) {
      const own = MISTAKES.filter((mutant) => mutant.golden === golden);
      const row = Object.entries(matrix.cases[golden] ?? {});
      const wanted = row.filter(([name]) => own.some((mutant) => nameOf(mutant) === name));
      expect(await caughtOn(join(CASES, golden), own)).toEqual(Object.fromEntries(wanted));
    }
  });
  it.runIf(GLM52_FULL === "1")(
    "is made again, all of it",
    async () => {
      expect(await mutationMatrix(join(ROOT, "golden"))).toEqual(matrix);
    },
    600_000,
  );
});
