/**
 * Tests that `glm52 golden check` shows its progress on stderr, if that is a terminal, and prints
 * only the report on stdout.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { writeNpz } from "../../../../bench/golden/write-npz.ts";
import { referenceOps } from "../../../../engine/index.ts";
import { openCase, readCase } from "../../../../tools/golden/case/case.ts";
import { traceCase } from "../../../../tools/golden/case/expectation.ts";
import { CASES, scratchFolder } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

// The text needs several steps of prefill, because a single step reports no progress.
const LONG = join(CASES, "long-520");
const info = await readCase(LONG);
const run = traceCase(await openCase(LONG, info, referenceOps("f64")), info);
const scratch = scratchFolder();
const npz = (name: string, isDeflated: boolean): string => {
  const file = join(scratch, name);
  writeFileSync(file, writeNpz(run, isDeflated));
  return file;
};
const folderOf = (name: string): string => {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const { name: stage, shape, data } of run.slice(0, 4)) {
    const dict = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape.join(",")},), }`;
    const head = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${dict.padEnd(117)}\n`, "latin1");
    writeFileSync(join(folder, `${stage}.npy`), Buffer.concat([head, bytesOf(data)]));
  }
  return folder;
};
const bytesOf = (data: ArrayLike<number>): Uint8Array =>
  new Uint8Array(Float64Array.from(data).buffer);

describe("a dump that takes long", () => {
  beforeAll(() => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => {
      now += 400; // every look at the clock is a redraw
      return now;
    });
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  it.each([
    [".npz, stored", npz("stored.npz", false)],
    [".npz, deflated", npz("deflated.npz", true)],
    ["a folder of .npy", folderOf("arrays")],
  ])("shows how far it is: %s", async (_what, file) => {
    const { code, stdout, stderr } = await glm52(["golden", "check", file, "--case", LONG], {
      isTerminal: true,
    });
    expect(code).toBe(0);
    expect(stderr).toMatch(/reading \d+ %/);
    expect(stderr).toMatch(/running the model \d+ %/);
    expect(stderr.endsWith("\r\x1b[2K")).toBe(true);
    expect(stdout.startsWith("judged as an engine of class f32")).toBe(true);
    expect(stdout).not.toContain(" %");
    expect(stdout).toMatch(/^ok: \d+ stages of long-520$/m);
  });

  it("shows nothing where there is no terminal", async () => {
    const { stdout, stderr } = await glm52(["golden", "check", npz("x.npz", true), "--case", LONG]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^ok: 82 stages of long-520$/m);
  });
});
