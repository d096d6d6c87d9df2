/** Tests of `glm52 golden check --html --junit`: a web page, and XML that other programs read. */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { NamedTensor } from "../../../../engine/trace/recorder.ts";
import { traceFile } from "../../../../engine/trace/trace-file.ts";
import { expectation, traceCase } from "../../../../tools/golden/case/expectation.ts";
import { MUTANTS } from "../../../../tools/golden/mutants/all.ts";
import { renderJunit } from "../../../../tools/golden/report/junit.ts";
import { selectionMap } from "../../../../tools/golden/report/selection-map.ts";
import { CASES, scratchFolder } from "../../../support/paths.ts";
import { glm52 } from "../../cli/fake-terminal.ts";

const scratch = scratchFolder();
const folder = join(CASES, "tiny-all");
const opened = await expectation(folder);
const origin = {
  ...{ engineVersion: "0", model: "tiny-all", configSha256: "", precision: "f32" as const },
  ...{ latentEps: 1e-6, tokens: [], command: "" },
};

/** Writes a dump to a file, with its numbers in f32. */
function dumpFile(name: string, tensors: readonly NamedTensor[]): string {
  const path = join(scratch, name);
  const rounded = tensors.map((tensor) => ({
    ...tensor,
    data: tensor.data instanceof Int32Array ? tensor.data : Float32Array.from(tensor.data),
  }));
  writeFileSync(path, traceFile(rounded, origin));
  return path;
}

const mutant = MUTANTS.find(
  ({ golden, stage }) => golden === "tiny-all" && stage.startsWith("top_k"),
);
if (!mutant) throw new Error("no mutant of tiny-all begins at top_k");
const wrong = dumpFile("wrong.safetensors", traceCase(mutant.change(opened.model), opened.info));
const right = dumpFile("right.safetensors", traceCase(opened.model, opened.info));
const [html, xml] = [join(scratch, "report.html"), join(scratch, "report.xml")];
const reports = ["--html", html, "--junit", xml];

describe("the report of a dump that is off", async () => {
  const done = await glm52(["golden", "check", wrong, "--case", folder, ...reports]);
  const page = readFileSync(html, "utf8");

  it("names the first wrong stage, frames it, and has the diagnosis on top", () => {
    expect(done.code).toBe(3);
    expect(page).toContain(`<strong>${mutant.stage}</strong> is the first stage that is off`);
    expect(page.match(/stroke-width="3"><title>[^<]*/g)).toEqual([
      expect.stringContaining(`<title>${mutant.stage}: off`),
    ]);
    expect(page.indexOf("Diagnosis")).toBeLessThan(page.indexOf("Stages by layer"));
    expect(page).toContain(`  ${mutant.bug}: `);
  });

  it("draws the choices that differ, in red and blue", () => {
    expect(page).toContain(`>${mutant.stage}: positions 0 …`);
    expect(page).toMatch(/fill="#d73027"/);
    expect(page).toMatch(/fill="#2166ac"/);
  });

  it("needs no script, no network and no other file", () => {
    expect(page).not.toMatch(/<script|<link rel="stylesheet"|src=|https?:\/\/(?!www\.w3\.org)/);
  });

  it("is one failed test in JUnit XML, with the stages after it skipped", () => {
    const text = readFileSync(xml, "utf8");
    expect(text).toMatch(/^<\?xml/);
    expect(text.match(/<failure /g)).toHaveLength(1);
    expect(text).toContain(`name="${mutant.stage}"><failure message="`);
    expect(text.match(/<skipped /g)?.length).toBe(Number(/skipped="(\d+)"/.exec(text)?.[1]));
    expect(text.match(/<testcase /g)?.length).toBe(Number(/tests="(\d+)"/.exec(text)?.[1]));
  });

  const browser = (() => {
    try {
      return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
    } catch {
      return undefined;
    }
  })();
  it.skipIf(!browser)(
    `opens in Chromium without a word on the console${browser ? "" : " (skipped: no chromium here)"}`,
    { timeout: 60_000 },
    async () => {
      const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"];
      const where = [`--user-data-dir=${join(scratch, "profile")}`, "--dump-dom"];
      const { stdout, stderr } = await promisify(execFile)(
        browser as string,
        [...flags, ...where, pathToFileURL(html).href],
        { maxBuffer: 2 ** 26 },
      );
      expect(stdout).toContain("is the first stage that is off");
      expect(stderr).not.toMatch(/CONSOLE/);
    },
  );
});

it("with --replay names all that is off, a failed test each", async () => {
  const few = MUTANTS.find(({ what }) => what === "the top-k chooses one row too few");
  const model = few?.change(opened.model) ?? opened.model;
  const dump = dumpFile("few.safetensors", traceCase(model, opened.info));
  await glm52(["golden", "check", dump, "--case", folder, "--replay", ...reports]);
  expect(readFileSync(html, "utf8")).toMatch(/ Also off: top_k-1, /);
  expect(readFileSync(xml, "utf8").match(/<failure /g)?.length).toBeGreaterThan(1);
});

describe("the report of a right dump", () => {
  it("says so, frames nothing, and has no failed test", async () => {
    const done = await glm52(["golden", "check", right, "--case", folder, ...reports]);
    expect(done.code, done.stdout).toBe(0);
    const page = readFileSync(html, "utf8");
    expect(page).toContain('class="verdict ok"');
    expect(page).not.toContain("Diagnosis");
    expect(page).not.toContain('stroke-width="3"');
    expect(readFileSync(xml, "utf8")).toContain('failures="0"');
  });
});

it("names from a dump cannot leave their place", () => {
  const stages = [{ name: '<b>"&', verdict: "off" as const, sentence: "a < b" }];
  const text = renderJunit(
    { stages, firstOff: '<b>"&', off: ['<b>"&'], unknown: [], hidden: [] },
    "c",
  );
  expect(text).toContain('name="&lt;b&gt;&quot;&amp;"><failure message="a &lt; b"/>');
});

it("equal choices are no map", () => {
  const choice = { shape: [2, 2], data: Int32Array.of(0, -1, 0, 1) };
  expect(selectionMap("top_k-0", choice, choice)).toBeUndefined();
  const other = { shape: [2, 2], data: Int32Array.of(0, -1, 1, 0) };
  expect(selectionMap("top_k-0", other, choice)).toBeUndefined();
});

it("a report that cannot be written is refused before any work", async () => {
  const nowhere = join(scratch, "nowhere/report.html");
  const done = await glm52(["golden", "check", right, "--case", folder, "--html", nowhere]);
  expect(done.code).toBe(1);
  expect(done.stderr).toContain("there is no folder");
});
