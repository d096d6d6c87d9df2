/**
 * The README's command lines, run by a shell as they stand there, in their order, in a folder that looks
 * like a clone. A line ends with code 0, unless its comment names another exit code.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { ROOT, scratchFolder } from "../../support/paths.ts";
import { read } from "./markdown.ts";

const clone = scratchFolder();
const built = inject("built");

/** Lines that are not run here, and what runs them instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "npm ci && npm test": "is what runs this test",
  'deno run -A tools/cli/glm52.ts run "Once upon a time"': "test/runtimes runs Deno",
  "npx glm52 serve": "runs until Ctrl-C; test/tools/serve/process starts it",
  "npx glm52 serve --script replies.jsonl":
    "runs until Ctrl-C; test/tools/serve/script.test.ts gives scripts",
  "npx glm52 chat --url http://127.0.0.1:8080/v1":
    "needs the server above; test/tools/remote/own-server.test.ts starts one",
  "npx glm52 explore": "runs until Ctrl-C; test/tools/explorer/process.test.ts starts it",
  "npm run build:explorer": "takes half a minute; the tests of test/tools/explorer build it",
  "npx glm52 verify http://127.0.0.1:8080/v1":
    "needs the server above; test/tools/cli/verify.test.ts starts one",
  "npx glm52 golden build --out pack":
    "takes most of a minute; test/tools/golden/build does it in parts",
};

/** The lines of the README's blocks for a shell. `npm ci` is left out: what it installs is here. */
function shellLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
    block.trim().split("\n"),
  );
  return blocks
    .filter((line) => !(line.replace(/ +#.*/, "") in ELSEWHERE))
    .map((line) => line.replace(/^npm ci && /, ""));
}

/** The exit code that a line says it ends with. */
function expectedCode(line: string): number {
  return Number(/#.* exit code (\d+)/.exec(line)?.[1] ?? 0);
}

beforeAll(() => {
  for (const folder of ["demo-model", "golden"])
    symlinkSync(join(ROOT, folder), join(clone, folder));
  // In a clone, npx finds this program without asking the registry.
  mkdirSync(join(clone, "bin"));
  const npx = `#!/bin/sh\n[ "$1" = glm52 ] || exit 127\nshift\nexec "${process.execPath}" "${join(built, "tools/cli/glm52.js")}" "$@"\n`;
  writeFileSync(join(clone, "bin/npx"), npx);
  chmodSync(join(clone, "bin/npx"), 0o755);
});

/** Runs a line in the clone. */
function shell(line: string): { code: number | null; stdout: string; stderr: string } {
  const { PATH = "" } = process.env;
  const path = [join(clone, "bin"), PATH].join(delimiter);
  const env = { ...process.env, PATH: path, HOME: clone, XDG_DATA_HOME: join(clone, "data") };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], {
    ...{ cwd: clone, env, input: "", encoding: "utf8", maxBuffer: 2 ** 26 },
  });
  return { code: status, stdout, stderr };
}

describe("the README's commands", () => {
  test.each(shellLines(read("README.md")))("%s", (line) => {
    const { code, stderr } = shell(line);
    expect({ code, stderr: code === expectedCode(line) ? "" : stderr }).toEqual({
      code: expectedCode(line),
      stderr: "",
    });
  });

  test("are found, and one that ends otherwise is caught", () => {
    expect(shellLines(read("README.md")).length).toBeGreaterThan(20);
    expect(shell("npx glm52 inspect no-such-folder").code).toBe(1);
    expect(shell("npx glm53").code).toBe(127);
    expect(expectedCode("npx glm52 golden check x # off: exit code 3")).toBe(3);
  });

  test("name the mistake in the dump that has one", () => {
    const check = shell("npx glm52 golden check wrong.safetensors --case tiny-all");
    expect(check.stdout).toContain("OFF at qr-0");
    const [, command] = /^the mistake behind it: (.*)$/m.exec(check.stdout) ?? [];
    expect(command).toBe("glm52 golden diagnose wrong.safetensors --case tiny-all");
    expect(shell(`npx ${command}`).stdout).toContain("G17");
  });
});
