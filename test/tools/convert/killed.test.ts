/** A conversion that is killed again and again, at any moment, gives the bytes of one that is not. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, inject, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { DEMO_MODEL, scratchFolder } from "../../support/paths.ts";

const scratch = scratchFolder();
const PROGRAM = join(inject("built"), "tools/cli/glm52.js");

/** How often it is killed. */
const ROUNDS = 5;

interface Ended {
  readonly signal: string | null;
  readonly code: number | null;
  readonly stdout: string;
}

/** Runs the command. `mayKill` is asked again and again whether the moment has come. */
function converted(out: string, mayKill: () => boolean): Promise<Ended> {
  const argv = [PROGRAM, "quantize", DEMO_MODEL, out, "--to", "q4", "--for", "stream", "--json"];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  let hasEnded = false;
  const watch = async (): Promise<void> => {
    while (!hasEnded) {
      if (mayKill()) child.kill("SIGKILL");
      await setTimeout(1);
    }
  };
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      hasEnded = true;
      resolve({ code, signal, stdout });
    });
    void watch();
  });
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

const bytesOf = (folder: string): Map<string, string> =>
  new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "latin1")]));

it("gives the same bytes and the same report", async () => {
  const whole = join(scratch, "whole");
  let longest = 0;
  const unbroken = await converted(whole, () => {
    longest = Math.max(longest, sizeOf(join(`${whole}.unfinished`, "journal")));
    return false;
  });
  expect(unbroken.code).toBe(0);
  expect(longest).toBeGreaterThan(10_000);

  const out = join(scratch, "out");
  const journal = join(`${out}.unfinished`, "journal");
  const random = seededRandom(1);
  for (let round = 0; round < ROUNDS; round++) {
    // Somewhere in the part of the journal that this round adds, and once before there is any.
    const moment = round === 0 ? 0 : ((round - random()) / ROUNDS) * longest;
    const { signal } = await converted(out, () => {
      const isBegun = round === 0 ? sizeOf(`${out}.unfinished`) > 0 : sizeOf(journal) > 0;
      return isBegun && sizeOf(journal) >= moment;
    });
    expect(signal).toBe("SIGKILL");
    expect(readdirSync(scratch).sort()).toEqual(["out.unfinished", "whole"]);
  }
  const { code, stdout } = await converted(out, () => false);
  expect(code).toBe(0);
  expect(bytesOf(out)).toEqual(bytesOf(whole));
  expect(readdirSync(scratch).sort()).toEqual(["out", "whole"]);
  const { bytesKept, ...report } = JSON.parse(stdout);
  expect(bytesKept).toBeGreaterThan(0);
  expect({ ...report, bytesKept: 0 }).toEqual(JSON.parse(unbroken.stdout));
});
