/**
 * Tests that the pack's readers in C and Python read the same numbers as ours, and find mistakes.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { traceFile } from "../../../../engine/trace/trace-file.ts";
import { readDump } from "../../../../tools/golden/case/case.ts";
import { CASES, ROOT, scratchFolder, TINY } from "../../../support/paths.ts";

const READERS = join(ROOT, "golden/readers");
const scratch = scratchFolder();
const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;
const run = (program: string, ...args: string[]) =>
  spawnSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 26 });

const F64 = join(TINY, "f64.safetensors");
const expected = await readDump(F64);
const tensor = (name: string) => {
  const found = expected.get(name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};

describe.skipIf(!has("gcc"))(`read.c${has("gcc") ? "" : " (skipped: no gcc)"}`, () => {
  const program = join(scratch, "read");
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror"];
  execFileSync("gcc", [...flags, "-o", program, join(READERS, "read.c"), "-lm"]);

  it("lists every tensor with its format and shape", () => {
    const { stdout } = run(program, F64);
    const lines = [...expected].map(
      ([name, { shape, data }]) =>
        `${name} ${data instanceof Int32Array ? "I32" : "F64"} [${shape}]`,
    );
    expect(stdout.trim().split("\n").sort()).toEqual(lines.sort());
  });

  it.each(["logits", "top_k-0", "indexer_score-0"])("prints %s to the last digit", (name) => {
    const numbers = run(program, F64, name).stdout.trim().split(/\s+/);
    const values = numbers.map((x) => (x === "-inf" ? Number.NEGATIVE_INFINITY : Number(x)));
    expect(values).toEqual([...tensor(name).data]);
  });

  it("measures the error of raw f32 numbers", () => {
    const mine = Float32Array.from(tensor("logits").data);
    const file = join(scratch, "mine.f32");
    writeFileSync(file, mine);
    const error = () => Number(/error (\S+)/.exec(run(program, F64, "logits", file).stdout)?.[1]);
    expect(error()).toBeLessThan(2 ** -24);
    mine[7] = (mine[7] ?? 0) + 1;
    writeFileSync(file, mine);
    expect(error()).toBeGreaterThan(0.05);
  });
});

const python = has("python3");
describe.skipIf(!python)(`read.py${python ? "" : " (skipped: no python3)"}`, () => {
  const origin = {
    ...{ engineVersion: "0", model: "tiny-all", configSha256: "", precision: "f64" as const },
    ...{ latentEps: 1e-6, tokens: [], command: "" },
  };
  const check = (dir: string, ...args: string[]) =>
    run("python3", join(READERS, "read.py"), join(CASES, dir), ...args);
  /** The numbers of tiny-all, with one tensor changed. */
  const changed = (name: string, value: number): string => {
    const file = join(scratch, "changed.safetensors");
    const tensors = [...expected].map(([key, { shape, data }]) => {
      const copy = data.slice();
      if (key === name) copy[copy.length - 1] = value;
      return { name: key, shape, data: copy };
    });
    writeFileSync(file, traceFile(tensors, origin));
    return file;
  };

  it.each(["tiny-all", "fp8-blocks", "clear-bf16"])(
    "%s: finds HF's own float32 run within the envelope, exit code 0",
    (name) => {
      const { status, stdout } = check(name, join(CASES, name, "f32.safetensors"));
      expect(stdout.split("\n").filter((line) => line && !line.endsWith(": ok"))).toEqual([]);
      expect(status).toBe(0);
    },
  );

  it("names a stage that is off, and one that chooses otherwise, exit code 3", () => {
    const off = check("tiny-all", changed("l_out-3", 100));
    expect([off.status, off.stdout]).toEqual([3, expect.stringMatching(/^l_out-3: off by /m)]);
    const other = check("tiny-all", changed("top_k-1", 0));
    expect(other.stdout).toMatch(/^top_k-1: row 23 chooses otherwise, 1 rows in all$/m);
  });

  it("says for which engines a case is certified", () => {
    expect(check("clear-mtp").stdout).toMatch(/^certified for f32, f16-cache$/m);
  });
});
