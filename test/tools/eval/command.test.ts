/**
 * Tests of `glm52 eval` on the demo model, with tiny sizes.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { evaluate } from "../../../tools/eval/evaluate.ts";
import { modelSubject } from "../../../tools/eval/model-subject.ts";
import { TASKS } from "../../../tools/eval/tasks.ts";
import { open } from "../../../tools/node/open.ts";
import { scratchFolder, TINY_MODEL } from "../../support/paths.ts";
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

it("asks for words unless told otherwise, and the demo model knows them all", async () => {
  const { code, stdout } = await glm52(["eval", "--lengths", "300", "--samples", "2", "--json"]);
  expect(code).toBe(0);
  const { cells, selections } = JSON.parse(stdout);
  const asked = cells.map(({ task, depth }: { task: string; depth?: number }) => [task, depth]);
  expect(asked).toEqual([
    ...[0, 50, 100].map((depth) => ["secretWord", depth]),
    ["secretWords", undefined],
  ]);
  for (const { exact } of cells) expect(exact).toBe(1);
  expect(selections[0].layers.at(-1)).toMatchObject({ layer: 6, needleRecall: 1 });
});

it("shows how far it is while the first text is read", async () => {
  await using glm = await open();
  const { tokenizer, textStart: start, model } = glm;
  const coder = { start, encode: (text: string) => [...(tokenizer?.encode(text) ?? [])] };
  const seen: number[][] = [];
  const cell = { tasks: ["secretWord"], lengths: [256], depths: [0], samples: 1 } as const;
  const request = { ...cell, seed: 0, first: 1, end: 99, coder };
  await evaluate(modelSubject(model), request, (...now) => seen.push(now));
  expect(seen.slice(0, 3)).toEqual([
    [0, 512],
    [64, 512],
    [128, 512],
  ]);
  expect(seen.at(-1)).toEqual([512, 512]);
});

it("asks a model without a tokenizer for ids, and takes the numeric mode", async () => {
  const ids = await glm52(["eval", TINY_MODEL, "--lengths", "80", "--samples", "1", "--json"]);
  expect([
    ...new Set(JSON.parse(ids.stdout).cells.map(({ task }: { task: string }) => task)),
  ]).toEqual([...TASKS]);
  const words = await glm52(["eval", TINY_MODEL, "--task", "secretWord", "--lengths", "60"]);
  expect([words.code, words.stderr]).toEqual([
    2,
    expect.stringContaining("needs a tokenizer.json"),
  ]);
  const small = [
    "eval",
    "--task",
    "secretWord",
    "--lengths",
    "80",
    "--depths",
    "0",
    "--samples",
    "1",
  ];
  expect((await glm52([...small, "--activations", "int8"])).code).toBe(0);
});

it("says what is wrong with an argument", async () => {
  const long = await glm52(["eval", "--lengths", "8193"]);
  expect([long.code, long.stderr]).toEqual([2, expect.stringContaining("at most 8192")]);
  const ids = await glm52(["eval", "--ids", "1,9999"]);
  expect([ids.code, ids.stderr]).toEqual([2, expect.stringContaining("--ids: expected first,end")]);
  const unknown = await glm52(["eval", "--task", "guess"]);
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("got guess")]);
});
