/**
 * Tests the C++ header of the pack: its example compiles without a warning, reads the same numbers as
 * ours, and judges as `glm52 golden check` does. GLM52_FULL=1 compiles it with the sanitizers, and builds it with
 * CMake too, and runs CTest.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { check } from "../../../../tools/golden/index.ts";
import { CASES, ROOT, scratchFolder, TINY } from "../../../support/paths.ts";
import { changed, expected, turned } from "./changed-dumps.ts";

const { GLM52_FULL } = process.env as { readonly GLM52_FULL?: string };
const EXAMPLE = join(ROOT, "golden/cpp/example");
const scratch = scratchFolder();
const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;
const program = join(scratch, "check");
const run = (...args: string[]) => spawnSync(program, args, { encoding: "utf8" });

const gcc = has("g++");
describe.skipIf(!gcc)(`glm52_golden.hpp${gcc ? "" : " (skipped: no g++)"}`, () => {
  beforeAll(() => {
    const flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
    if (GLM52_FULL === "1") flags.push("-fsanitize=address,undefined");
    execFileSync("g++", [...flags, "-o", program, join(EXAMPLE, "check.cpp")]);
  }, 60_000);

  it("lists the stages in the order in which the model makes them", async () => {
    const { stages } = await check(join(TINY, "f64.safetensors"), { case: TINY });
    const lines = stages.flatMap(({ name }) => {
      const found = expected.get(name);
      if (!found) return [];
      return [
        `${name} ${found.data instanceof Int32Array ? "I32" : "F64"} ${found.shape.join(" ")}`,
      ];
    });
    const { stdout } = run(TINY);
    expect(stdout.trim().split("\n")).toEqual(["24 tokens, certified for f32", ...lines]);
  });

  it.each(["tiny-all", "fp8-blocks", "clear-bf16"])(
    "%s: finds HF's own float32 run within the envelope, exit code 0",
    (name) => {
      const { status, stdout } = run(join(CASES, name), join(CASES, name, "f32.safetensors"));
      expect(stdout.split("\n").filter((line) => line && !line.endsWith(": ok"))).toEqual([]);
      expect(status).toBe(0);
    },
  );

  it("names a stage that is off, exit code 3", () => {
    const wrong = changed(scratch, "l_out-3", (data) => data.fill(100, data.length - 1));
    const { status, stdout } = run(TINY, wrong);
    expect([status, stdout]).toEqual([3, expect.stringMatching(/^l_out-3: off by \S+, allowed /m)]);
  });

  it.each(["f32", "bf16"] as const)(
    "explains a choice between close scores where golden check does: class %s",
    async (kind) => {
      const file = turned(scratch);
      const { status } = await check(file, { case: TINY, class: kind });
      expect(status).toBe(kind === "f32" ? "wrong" : "allowed");
      const said = run(TINY, file, kind);
      expect(said.status).toBe(kind === "f32" ? 3 : 0);
      expect(said.stdout).toMatch(
        kind === "f32" ? /^top_k-1: row 23 chooses/m : /^top_k-1: explained$/m,
      );
    },
  );

  it("says in a sentence why a file cannot be read, exit code 1", () => {
    const file = changed(scratch, "logits", () => {});
    truncateSync(file, 100);
    const { status, stderr } = run(TINY, file);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/header is cut off\n$/)]);
  });
});

const reason = GLM52_FULL !== "1" ? "GLM52_FULL is not 1" : has("ctest") ? "" : "no ctest";
it.skipIf(reason)(
  `ctest passes${reason && ` (skipped: ${reason})`}`,
  () => {
    const build = join(scratch, "build");
    execFileSync("cmake", ["-S", EXAMPLE, "-B", build]);
    execFileSync("cmake", ["--build", build]);
    const { stdout } = spawnSync("ctest", ["--test-dir", build], { encoding: "utf8" });
    expect(stdout).toMatch(/100% tests passed, 0 tests failed out of 4/);
  },
  120_000,
);
