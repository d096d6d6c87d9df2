/**
 * Tests the Python package of the pack: it judges as `glm52 golden check` does, and its pytest plugin
 * reports. GLM52_PYTHON names a Python with numpy and pytest; without it python3 is tried.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check } from "../../../../tools/golden/index.ts";
import { CASES, ROOT, scratchFolder, TINY } from "../../../support/paths.ts";
import { changed, expected, turned } from "./changed-dumps.ts";

const { GLM52_PYTHON: python = "python3" } = process.env as { readonly GLM52_PYTHON?: string };
const scratch = scratchFolder();
const env = {
  ...process.env,
  PYTHONPATH: join(ROOT, "golden/python"),
  PYTHONDONTWRITEBYTECODE: "1",
  PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1", // the package may be installed, too
};
const run = (...args: string[]) =>
  spawnSync(python, args, { encoding: "utf8", env, cwd: scratch, maxBuffer: 2 ** 26 });
const has = (module: string): boolean => run("-c", `import ${module}`).status === 0;
const judge = (name: string, ...args: string[]) =>
  run("-m", "glm52_golden", join(CASES, name), ...args);

const numpy = has("numpy");
const no = (module: string): string => ` (skipped: ${python} has no ${module})`;

describe.skipIf(!numpy)(`python -m glm52_golden${numpy ? "" : no("numpy")}`, () => {
  it.each(["tiny-all", "fp8-blocks", "clear-bf16"])(
    "%s: finds HF's own float32 run within the envelope, exit code 0",
    (name) => {
      const { status, stdout } = judge(name, join(CASES, name, "f32.safetensors"));
      expect(stdout.split("\n").filter((line) => line && !line.endsWith(": ok"))).toEqual([]);
      expect(status).toBe(0);
    },
  );

  it("lists the stages in the order in which the model makes them", async () => {
    const { stdout } = judge("tiny-all");
    expect(stdout).toMatch(/^certified for f32$/m);
    const { stages } = await check(join(TINY, "f64.safetensors"), { case: TINY });
    const inOrder = stages.map(({ name }) => name).filter((name) => expected.has(name));
    const listed = stdout.trim().split("\n").slice(1);
    expect(listed.map((line) => line.split(" ")[0])).toEqual(inOrder);
  });

  it("names a stage that is off, and one that chooses otherwise, exit code 3", () => {
    const wrong = changed(scratch, "l_out-3", (data) => data.fill(100, data.length - 1));
    const off = judge("tiny-all", wrong);
    expect([off.status, off.stdout]).toEqual([3, expect.stringMatching(/^l_out-3: off by /m)]);
    expect(off.stdout).toMatch(/^\d+ stages after it not judged$/m);
    const other = judge(
      "tiny-all",
      changed(scratch, "top_k-0", (data) => data.fill(0, data.length - 1)),
    );
    expect(other.stdout).toMatch(/^top_k-0: row 23 chooses otherwise, 1 rows in all: expected /m);
  });

  it.each(["f32", "bf16"] as const)(
    "explains a choice between close scores where golden check does: class %s",
    async (kind) => {
      const file = turned(scratch);
      const { status, stages } = await check(file, { case: TINY, class: kind });
      const want = { right: 0, allowed: 0, unknown: 1, wrong: 3 }[status];
      const { stdout, status: code } = judge("tiny-all", file, "--class", kind);
      expect([kind, code]).toEqual([kind, want]);
      const verdict = stages.find(({ name }) => name === "top_k-1")?.verdict;
      expect(verdict).toBe(kind === "f32" ? "off" : "explained");
      expect(stdout).toMatch(
        kind === "f32" ? /^top_k-1: row 23 chooses/m : /^top_k-1: 1 rows chosen otherwise, as/m,
      );
    },
  );

  it("names the coarser classes of which nothing would be wrong, unless the class is given", () => {
    const file = changed(scratch, "logits", (data) => data.set(data.map((x) => x * (1 + 1e-4))));
    const told = /^as an engine of class .*bf16 nothing would be wrong$/m;
    expect(judge("tiny-all", file).stdout).toMatch(told);
    expect(judge("tiny-all", file, "--class", "f32").stdout).not.toMatch(told);
  });

  it("says in a sentence why a file cannot be read, exit code 1", () => {
    const file = changed(scratch, "logits", () => {});
    truncateSync(file, 100);
    const { status, stderr } = judge("tiny-all", file);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/header is cut off\n$/)]);
    expect(judge("tiny-some").stderr).toMatch(/expected a case; the pack has all-full, /);
  });
});

const pytest = numpy && has("pytest");
describe.skipIf(!pytest)(`pytest --golden-report${pytest ? "" : no("pytest")}`, () => {
  it("reports a right engine, a wrong one, and what glm52 says about it", () => {
    const diagnosis = join(scratch, "diagnosis.mjs");
    const tests = join(scratch, "test_engines.py");
    const file = join(scratch, "report.json");
    writeFileSync(diagnosis, 'console.log(process.argv.slice(2, 4).join(" ")); process.exit(3);');
    writeFileSync(
      tests,
      `from glm52_golden import assert_golden, read_tensors

def right(model, tokens):
    assert (model / "config.json").is_file() and len(tokens) == 24
    stages = read_tensors(model.parent / "f64.safetensors")
    return {"model.layers.0": stages["l_out-0"][None], "logits": stages["logits"]}

def wrong(model, tokens):
    return {name: 2 * x for name, x in right(model, tokens).items()}

def test_right():
    assert assert_golden(right, case="tiny-all").status == "right"

def test_wrong():
    assert_golden(wrong, case="tiny-all")
`,
    );
    const plugin = ["-p", "glm52_golden.pytest_plugin", "-p", "no:cacheprovider"];
    const command = `${process.execPath} ${diagnosis}`;
    const { stdout, status } = spawnSync(
      python,
      ["-m", "pytest", "-q", ...plugin, `--golden-report=${file}`, tests],
      { encoding: "utf8", env: { ...env, GLM52_COMMAND: command }, cwd: scratch },
    );
    expect(status, stdout).toBe(1);
    expect(stdout).toMatch(/^right {3}tiny-all \(f32\): 2 stages$/m);
    expect(stdout).toMatch(/^wrong {3}tiny-all \(f32\): l_out-0: off by 1, allowed /m);
    expect(stdout).toMatch(/^ {8}golden diagnose$/m);
    expect(stdout).toMatch(/1 failed, 1 passed/);
    const report = JSON.parse(readFileSync(file, "utf8"));
    expect(report.map(({ status: is }: { status: string }) => is)).toEqual(["right", "wrong"]);
  });
});
