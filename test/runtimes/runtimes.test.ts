/**
 * Tests that results have the same bits in every runtime, with any count of threads and any chunk:
 * logits, selections and texts of a few runs, and token ids and prompts of the conformance packs.
 * The runtimes are Node 20, 22, 24 and Deno. Deno runs the TypeScript sources, and Node runs the
 * installed package.
 *
 * The tests of a runtime that is missing are skipped.
 */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, inject, it } from "vitest";
import { QUANTISED, type Run, root, runs } from "./runs.ts";

const scratch = mkdtempSync(join(tmpdir(), "glm52-runtimes-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const compiled = join(inject("project"), "node_modules/glm52.ts/dist/tools/cli/glm52.js");
const here = { command: [process.execPath, compiled] };

/** The other runtimes, or the reason why they are missing. */
function otherRuntimes(): { name: string; command: string[] }[] | string {
  const runtimes = inject("runtimes");
  if (typeof runtimes === "string") return runtimes;
  const { node22, node24, deno } = runtimes;
  return [
    { name: "Node 22", command: [node22, compiled] },
    { name: "Node 24", command: [node24, compiled] },
    { name: "Deno 2", command: [deno, "run", "-A", "--no-lock", join(root, "tools/cli/glm52.ts")] },
  ];
}

/** The expected hash of every run. GLM52_UPDATE_HASHES=1 writes this file again. */
const HASHES = join(root, "test/runtimes/hashes.json");
const RUNS = runs(scratch);

/** SHA-256 of the result of a run: the tensors of a trace, the ids of a text, or all its output. */
async function hash(command: readonly string[], { args, writes }: Run, way = ""): Promise<string> {
  const out = join(scratch, "out.safetensors");
  const [program, ...rest] = command;
  const added = [...way.split(" ").filter(Boolean), ...(writes ? ["--out", out] : [])];
  const { stdout } = await promisify(execFile)(program, [...rest, ...args, ...added], {
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 2 ** 26,
  });
  if (!writes) {
    const { ids = stdout } = JSON.parse(stdout); // timings beside the ids differ
    return createHash("sha256").update(JSON.stringify(ids)).digest("hex");
  }
  const bytes = readFileSync(out);
  rmSync(out);
  return createHash("sha256")
    .update(bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))))
    .digest("hex");
}

describe("the same bits", () => {
  for (const format of QUANTISED) {
    const folders = [join(root, "demo-model"), join(scratch, format)];
    execFileSync(process.execPath, [compiled, "quantize", ...folders, "--to", format]);
  }
  const others = otherRuntimes();
  const known: Record<string, string> = JSON.parse(readFileSync(HASHES, "utf8"));
  const { GLM52_UPDATE_HASHES } = process.env;
  const isUpdate = GLM52_UPDATE_HASHES === "1";

  it.each(Object.entries(RUNS))("in every way, as in hashes.json: %s", async (name, run) => {
    for (const way of run.ways?.length ? run.ways : [""]) {
      const got = await hash(here.command, run, way);
      if (isUpdate) known[name] = got;
      else expect([way, got]).toEqual([way, known[name]]);
    }
    if (isUpdate) writeFileSync(HASHES, `${JSON.stringify(known, null, 2)}\n`);
  });

  it("hashes.json has no other names", () => {
    expect(Object.keys(known)).toEqual(Object.keys(RUNS));
  });

  it.each(typeof others === "string" ? [] : others)("in $name", async ({ command }) => {
    for (const [name, run] of Object.entries(RUNS)) {
      const way = run.ways?.[run.ways.length - 1];
      expect([name, await hash(command, run, way)]).toEqual([name, known[name]]);
    }
  });

  it("a saved session goes on from process to process, in any runtime", async () => {
    const sessions = join(scratch, "sessions");
    const tell = async (command: readonly string[], args: readonly string[]): Promise<number[]> => {
      const [program, ...rest] = command;
      const options = ["--json", "--seed", "7", "--temperature", "0.8"];
      const running = promisify(execFile)(program, [...rest, "run", ...args, ...options]);
      running.child.stdin?.end();
      return JSON.parse((await running).stdout).ids;
    };
    const ways = [here, ...(typeof others === "string" ? [] : others), here];
    const whole = await tell(here.command, [
      "Once upon a time",
      ...["--max-tokens", String(5 * ways.length)],
    ]);
    const parts: number[] = [];
    for (const [i, { command }] of ways.entries()) {
      const session = ["--session", "tale", "--sessions", sessions, "--max-tokens", "5"];
      parts.push(...(await tell(command, [...(i === 0 ? ["Once upon a time"] : []), ...session])));
    }
    expect(parts).toEqual(whole);
  });

  it.skipIf(typeof others !== "string")(
    `the other runtimes are there${typeof others === "string" ? ` (skipped: ${others})` : ""}`,
    () => {},
  );
});
