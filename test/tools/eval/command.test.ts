/**
 * Tests of `glm52 eval` on the demo model, with tiny sizes.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { scratchFolder } from "../../support/paths.ts";
import { glm52 } from "../cli/fake-terminal.ts";

const chart = join(scratchFolder(), "chart.svg");
const ARGV = ["eval", "--lengths", "32,200", "--depths", "0,100", "--samples", "2"];

it("prints a cell for each task, length and depth, and what is selected; the same for the same seed", async () => {
  const first = await glm52([...ARGV, "--task", "copy,needle,recall", "--json", "--svg", chart]);
  expect(first.code).toBe(0);
  const { cells, worst, selections } = JSON.parse(first.stdout);
  expect(cells).toHaveLength(2 * (1 + 2 + 1));
  for (const { exact, interval, tokens } of cells) {
    expect(interval[0]).toBeLessThanOrEqual(exact);
    expect(interval[1]).toBeGreaterThanOrEqual(exact);
    expect(tokens).toBeGreaterThanOrEqual(worst.tokens);
  }
  expect(selections).toMatchObject([{ k: 64, from: 128, layers: [{ layer: 0 }, {}, {}, {}] }]);
  expect(selections[0].mass).toHaveLength(8);
  const again = await glm52([...ARGV, "--task", "copy,needle,recall", "--json"]);
  expect(again.stdout).toBe(first.stdout);
  const svg = readFileSync(chart, "utf8");
  expect(svg.match(/<rect/g)).toHaveLength(1 + 4 + 16);
  expect(svg.match(/<polyline/g)).toHaveLength(4);
  expect(svg).not.toContain("NaN");
});

it("prints tables for people", async () => {
  const { stdout } = await glm52([...ARGV, "--task", "needle"]);
  expect(stdout).toMatch(/^needle +200 +100 % +\d\.\d\d/m);
  expect(stdout).toMatch(/^ +5 \| +\d+ +\d+ {2}shared$/m);
});

it("says what is wrong with an argument", async () => {
  const long = await glm52(["eval", "--lengths", "8193"]);
  expect([long.code, long.stderr]).toEqual([2, expect.stringContaining("at most 8192")]);
  const ids = await glm52(["eval", "--ids", "1,9999"]);
  expect([ids.code, ids.stderr]).toEqual([2, expect.stringContaining("--ids: expected first,end")]);
  const unknown = await glm52(["eval", "--task", "guess"]);
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("got guess")]);
});
