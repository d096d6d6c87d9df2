/**
 * Tests the compiled program as a process: its signals, pipes and exit codes.
 * @module
 */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildInto } from "../../support/build.ts";
import { ROOT, scratchFolder, TINY_MODEL } from "../../support/paths.ts";

const scratch = scratchFolder();
// This folder is inside the project, so that the program finds its packages.
const built = join(ROOT, ".cache", `process-test-${process.pid}`);
beforeAll(() => buildInto(built), 120_000);
afterAll(() => rmSync(built, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program. `onStdout` is called when its first output comes. */
function glm52(
  argv: readonly string[],
  options: {
    readonly stdin?: string;
    onStart?(kill: () => void): void;
    onStdout?(program: { kill(): void; closeStdout(): void }): void;
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [join(built, "tools/cli/glm52.js"), ...argv]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  // Only once, because a second Ctrl-C has another meaning than the first.
  child.stdout.once("data", () => {
    options.onStdout?.({
      kill: () => child.kill("SIGINT"),
      closeStdout: () => child.stdout.destroy(),
    });
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  child.stdin.on("error", () => {}); // a program that does not read its stdin closes it
  child.stdin.end(options.stdin ?? "");
  options.onStart?.(() => child.kill("SIGINT"));
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

describe("the compiled program", () => {
  it("is executable by its first line", () => {
    const program = readFileSync(join(built, "tools/cli/glm52.js"), "utf8");
    expect(program.startsWith("#!/usr/bin/env node\n")).toBe(true);
  });

  it("runs the demo model on a prompt from stdin and gives JSON alone on stdout", async () => {
    const { code, stdout } = await glm52(["run", "--json", "--max-tokens", "4"], { stdin: "Once" });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ids: expect.any(Array), text: expect.any(String) });
  });

  it("ends with 1 for a model that is not there, and no stack", async () => {
    const { code, stdout, stderr } = await glm52(["run", "--model", "/nowhere", "x"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe("glm52: /nowhere: expected the folder of a model\n");
  });

  it("ends with 2 for wrong usage", async () => {
    const { code, stderr } = await glm52(["run", "--max-tokens", "1x"]);
    expect(code).toBe(2);
    expect(stderr).toContain("glm52: option '--max-tokens <n>' argument '1x' is invalid.");
  });

  it("writes a trace", async () => {
    const file = join(scratch, "t.safetensors");
    const argv = ["trace", "--model", TINY_MODEL, "--tokens", "1,2,3", "--out", file];
    const { code, stdout, stderr } = await glm52(argv);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(/t\.safetensors: \d+ tensors of 3 tokens, f32\n$/);
    expect(readFileSync(file).length).toBeGreaterThan(1000);
  });

  it("ends the text on the first Ctrl-C, with the speeds and 130", async () => {
    const argv = [
      "run",
      "Once upon a time",
      "--max-tokens",
      "8000",
      "--bos",
      "none",
      "--top-p",
      "1",
    ];
    const { code, signal, stdout, stderr } = await glm52([...argv, "--temperature", "3"], {
      onStdout: ({ kill }) => kill(),
    });
    expect([code, signal]).toEqual([130, null]);
    expect(stdout).not.toBe("");
    expect(stderr).toMatch(/^prefill \d+ tokens, .* · aborted\n$/);
  });

  it("ends quietly when nobody reads its output any more", async () => {
    const argv = ["run", "Once", "--max-tokens", "8000", "--temperature", "3", "--top-p", "1"];
    const { code, signal, stderr } = await glm52(argv, {
      onStdout: ({ closeStdout }) => closeStdout(),
    });
    expect([code, signal, stderr]).toEqual([0, null, ""]);
  });

  it("leaves nothing behind when Ctrl-C ends a trace", async () => {
    const folder = join(scratch, "interrupted");
    mkdirSync(folder);
    // The work takes seconds, so that the signal comes before its end on any machine.
    const tokens = Array.from({ length: 4000 }, (_, i) => i % 64).join();
    const argv = ["trace", "--model", TINY_MODEL, "--tokens", tokens, "--stages", "logits"];
    const { code, signal } = await glm52([...argv, "--out", join(folder, "t.safetensors")], {
      onStart: (kill) => setTimeout(kill, 400),
    });
    expect([code, signal]).toEqual([null, "SIGINT"]); // a shell calls this 130
    expect(readdirSync(folder)).toEqual([]);
  });
});
