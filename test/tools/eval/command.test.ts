/**
 * `glm52 eval` on the demo model, with tiny sizes.
 * @module
 */
import { expect, it } from "vitest";
import { glm52 } from "../fake-terminal.ts";

it("prints one cell for each task, length and depth, the same for the same seed", async () => {
  const argv = ["eval", "--lengths", "32", "--depths", "0,100", "--samples", "2", "--json"];
  const first = await glm52(argv);
  expect(first.code).toBe(0);
  const { cells } = JSON.parse(first.stdout);
  expect(cells).toHaveLength(3);
  for (const { exact, interval } of cells) {
    expect(interval[0]).toBeLessThanOrEqual(exact);
    expect(interval[1]).toBeGreaterThanOrEqual(exact);
  }
  expect((await glm52(argv)).stdout).toBe(first.stdout);
});

it("says what is wrong with an argument", async () => {
  const long = await glm52(["eval", "--lengths", "8193"]);
  expect([long.code, long.stderr]).toEqual([1, expect.stringContaining("at most 8192")]);
  const unknown = await glm52(["eval", "--task", "guess"]);
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("got guess")]);
});
