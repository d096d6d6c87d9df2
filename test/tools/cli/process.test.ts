/**
 * Tests the compiled program as a process: its signals, pipes and exit codes.
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildInto } from "../../support/build.ts";
import { CASES, ROOT, scratchFolder, TINY_MODEL } from "../../support/paths.ts";

const scratch = scratchFolder();
// This folder is inside the project, so that the program finds its packages.
const built = join(ROOT, ".cache", `process-test-${process.pid}`);
beforeAll(() => buildInto(built), 120_000);
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** A thread that is silent for so long counts as dead, unless the process was suspended. */
const LONGER_THAN_PATIENCE_MS = 11_000;

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
    onStart?(kill: () => void, closeStdout: () => void): void;
    onStdout?(program: { kill(): void; closeStdout(): void; suspend(): void }): void;
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
      suspend: () => {
        child.kill("SIGSTOP");
        setTimeout(() => child.kill("SIGCONT"), LONGER_THAN_PATIENCE_MS);
      },
    });
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  child.stdin.on("error", () => {}); // a program that does not read its stdin closes it
  child.stdin.end(options.stdin ?? "");
  options.onStart?.(
    () => child.kill("SIGINT"),
    () => child.stdout.destroy(),
  );
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

  it("saves a session whose reader goes away, and leaves it open to the next", async () => {
    const sessions = join(scratch, "sessions");
    const where = ["--session", "tale", "--sessions", sessions, "--max-tokens", "4000"];
    const argv = ["run", "Once upon a time", ...where, "--temperature", "3", "--top-p", "1"];
    const first = await glm52(argv, { onStdout: ({ closeStdout }) => closeStdout() });
    expect([first.code, first.stderr]).toEqual([0, ""]);
    const shown = await glm52(["session", "show", "tale", "--sessions", sessions]);
    const { tokens, pending } = JSON.parse(shown.stdout);
    expect(tokens + pending).toBeGreaterThan(4);
    expect(tokens + pending).toBeLessThan(4000);
    const next = ["run", " Then", "--session", "tale", "--sessions", sessions];
    expect((await glm52([...next, "--max-tokens", "2"])).code).toBe(0);
  });

  it("gives its verdict also when nobody reads it", async () => {
    const dump = join(scratch, "wrong.safetensors");
    cpSync(join(CASES, "long-520/model/model.safetensors"), dump);
    const argv = ["golden", "check", dump, "--case", "tiny-all"];
    const read = await glm52(argv);
    const unread = await glm52(argv, { onStart: (_kill, closeStdout) => closeStdout() });
    expect(read.code).not.toBe(0);
    expect(unread.code).toBe(read.code);
  });

  it("says in one sentence that its output cannot be written, and ends with 1", async () => {
    const program = join(built, "tools/cli/glm52.js");
    const script = `"${process.execPath}" "${program}" run Once --max-tokens 4 > /dev/full`;
    const { status, stderr } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^glm52: stdout: ENOSPC: no space left on device, write$/m);
    expect(stderr).not.toContain("    at ");
  });

  it("goes on after it was suspended, with more threads than one", async () => {
    const argv = ["run", "Once", "--threads", "3", "--max-tokens", "300", "--temperature", "0"];
    const want = await glm52(argv);
    const { code, signal, stdout } = await glm52(argv, {
      onStdout: ({ suspend }) => suspend(),
    });
    expect([code, signal]).toEqual([0, null]);
    expect(stdout).toBe(want.stdout);
  });

  it.skipIf(spawnSync("script", ["--version"]).error)(
    "ends at the second Ctrl-C at a terminal, in the middle of a step that takes long", // needs script(1)
    async () => {
      const program = join(built, "tools/cli/glm52.js");
      const prompt = "once upon a time ".repeat(1500);
      const file = join(scratch, "prompt.txt");
      writeFileSync(file, prompt);
      const inner = `"${process.execPath}" "${program}" run --chunk 8000 --threads 1 < "${file}"`;
      const child = spawn("script", [
        "-qec",
        `echo begun; ${inner}; echo ended with $?`,
        "/dev/null",
      ]);
      let shown = "";
      let presses: NodeJS.Timeout | undefined;
      child.stdout.on("data", (data) => {
        shown += data;
        presses ??= setInterval(() => child.stdin.write("\x03"), 1000);
      });
      await new Promise((resolve) => child.on("close", resolve));
      clearInterval(presses);
      expect(shown).not.toContain("prefill");
    },
    60_000,
  );

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
