/**
 * Tests the compiled program as a process: its signals, pipes and exit codes.
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it, type TestContext } from "vitest";
import { CASES, scratchFolder, TINY_MODEL } from "../../support/paths.ts";
import {
  atTerminal,
  NO_PSEUDO_TERMINAL,
  plainText,
  type Step,
} from "../../support/pseudo-terminal.ts";

const scratch = scratchFolder();
const built = inject("built");

/** A thread that is silent for so long counts as dead, unless the process was suspended. */
const LONGER_THAN_PATIENCE_MS = 11_000;

/** The program as a shell takes it. */
const PROGRAM = `"${process.execPath}" "${join(built, "tools/cli/glm52.js")}"`;

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

  it("quantises with any number of threads to the same bytes", async () => {
    const files = [];
    for (const threads of ["1", "3"]) {
      const out = join(scratch, `quantised-${threads}`);
      const argv = ["quantize", TINY_MODEL, out, "--to", "q4", "--threads", threads, "--json"];
      const { code, stdout } = await glm52(argv);
      expect(code).toBe(0);
      files.push([JSON.parse(stdout), readFileSync(join(out, "model.safetensors"))]);
    }
    expect(files[0]).toEqual(files[1]);
  });

  it("says what a thread that rounds met as if there were none", async () => {
    const model = join(scratch, "with-nan");
    cpSync(TINY_MODEL, model, { recursive: true });
    const bytes = readFileSync(join(model, "model.safetensors"));
    bytes.fill(0xff, Math.floor(bytes.length / 2)); // NaN in all of its second half
    writeFileSync(join(model, "model.safetensors"), bytes);
    const told = [];
    for (const threads of ["1", "3"]) {
      const argv = ["quantize", model, join(scratch, "none"), "--to", "q8", "--threads", threads];
      told.push(await glm52(argv));
    }
    expect(told[0]).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/expected finite numbers/),
    });
    expect(told[1]).toEqual(told[0]);
  });

  it.each([
    [["--help"], 0],
    [["--hlep"], 2],
    [[], 2],
  ])("bench's make-model says how it is called for %j, and makes nothing", (argv, expected) => {
    const cwd = scratchFolder();
    const program = join(built, "bench/peers/make-model.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], { cwd });
    expect([status, readdirSync(cwd)]).toEqual([expected, []]);
    expect(`${stdout}${stderr}`).toContain("make-model.js FOLDER [--small | --large]");
  });

  it("writes a trace", async () => {
    const file = join(scratch, "t.safetensors");
    const argv = ["trace", "--model", TINY_MODEL, "--tokens", "1,2,3", "--out", file];
    const { code, stdout, stderr } = await glm52(argv);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(
      /t\.safetensors: \d+ tensors of 3 tokens, f32, latent eps 1e-6 as \S+ says\n$/,
    );
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
    expect(stderr).toMatch(/^\n?prefill \d+ tokens, .* · aborted\n$/);
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
    const script = `${PROGRAM} run Once --max-tokens 4 > /dev/full`;
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

  it("ends at the second Ctrl-C at a terminal, in the middle of a step that takes long", async (test) => {
    test.skip(NO_PSEUDO_TERMINAL !== undefined, NO_PSEUDO_TERMINAL);
    const file = join(scratch, "prompt.txt");
    writeFileSync(file, "once upon a time ".repeat(1500));
    const run = `${PROGRAM} run --chunk 8000 --threads 1 < "${file}"`;
    const shown = await atTerminal(run, [], "\x03");
    expect(shown).toContain("^C");
    expect(shown).not.toContain("prefill");
  });

  describe("a conversation at a terminal", () => {
    /** The cursor stands behind the prompt: from here on, keys go to the line editor. */
    const PROMPT = "> \x1b[3G";
    const chat = (more = "") => `${PROGRAM} chat --max-tokens 12 ${more}`;
    const talk = async (test: TestContext, command: string, ...steps: Step[]) => {
      test.skip(NO_PSEUDO_TERMINAL !== undefined, NO_PSEUDO_TERMINAL);
      return plainText(await atTerminal(command, steps));
    };

    it("takes pasted lines as one message, and lines that come too early one after the other", async (test) => {
      const file = join(scratch, "pasted.json");
      const shown = await talk(
        test,
        chat(),
        [PROMPT, "\x1b[200~One.\rTwo.\nThree.\x1b[201~"],
        ["Three.", "\r"],
        ["tok/s", "first\rsecond\r"],
        ["tok/s", ""],
        ["tok/s", `/save ${file}\r`],
        ["messages", "/bye\r"],
      );
      const { messages } = JSON.parse(readFileSync(file, "utf8"));
      const said = messages.filter(({ role }: { role: string }) => role === "user");
      expect(said.map(({ content }: { content: string }) => content)).toEqual([
        "One.\nTwo.\nThree.",
        "first",
        "second",
      ]);
      expect(shown).not.toContain("was not saved");
    });

    it("clears a half-typed line at Ctrl-C; says what is lost before the second one ends it", async (test) => {
      const shown = await talk(
        test,
        chat(),
        [PROMPT, "Hello.\r"],
        ["tok/s", ""],
        [PROMPT, "half"],
        ["half", "\x03"],
        [PROMPT, "\x03"],
        ["/save FILE keeps it", "\x03"],
      );
      expect(shown.match(/tok\/s/g)).toHaveLength(1); // the half line was never said
      expect(shown).toContain("Ctrl-C again or Ctrl-D ends the chat, and what was said is lost");
      expect(shown).toContain("The conversation was not saved. --session NAME keeps the next one.");
    });

    it("shows what was said before when a saved one goes on, and loses nothing", async (test) => {
      const where = `--session talk --sessions "${join(scratch, "talks")}"`;
      const first = await talk(
        test,
        chat(where),
        [PROMPT, "Remember the blue door.\r"],
        ["tok/s", ""],
        [PROMPT, "\x04"],
      );
      expect(first).not.toContain("was not saved");
      const second = await talk(test, chat(where), ["> Remember", ""], [PROMPT, "\x04"]);
      expect(second).toMatch(/context [1-9]\d* of 8192/);
      expect(second).toContain("> Remember the blue door.");
    });

    it("takes the last reply back on /regenerate, and gives one in its place", async (test) => {
      const file = join(scratch, "regenerated.json");
      await talk(
        test,
        chat(),
        [PROMPT, "/set temperature 0\r"],
        [PROMPT, "Hello.\r"],
        ["tok/s", ""],
        [PROMPT, "/regenerate\r"],
        ["tok/s", ""],
        [PROMPT, `/save ${file}\r`],
        ["messages", "/quit\r"],
      );
      const { messages } = JSON.parse(readFileSync(file, "utf8"));
      expect(messages).toHaveLength(2);
    });

    it("wipes the progress line before the first letter of a reply", async (test) => {
      const long = "a dog ran. ".repeat(600);
      const shown = await atTerminal(`${chat("--system")} "${long}"`, [
        [PROMPT, "Go.\r"],
        ["tok/s ·", ""],
        [PROMPT, "\x04"],
      ]);
      test.skip(NO_PSEUDO_TERMINAL !== undefined, NO_PSEUDO_TERMINAL);
      const [, ...drawings] = shown.split("reading the prompt");
      expect(drawings.length).toBeGreaterThan(0);
      expect(drawings.at(-1)).toContain("\r\x1b[2K");
      expect(drawings.at(-1)?.indexOf("\r\x1b[2K")).toBeLessThan(40);
    });
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
