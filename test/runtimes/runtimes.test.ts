/**
 * Tests that results have the same bits in every runtime, with any count of threads and any chunk:
 * logits, selections and texts of a few runs, and token ids and prompts of the conformance packs.
 * The runtimes are Node 20, 22, 24 and Deno. Deno runs the TypeScript sources, and Node runs what is
 * compiled from them.
 *
 * The tests of a runtime that is missing are skipped.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, inject, it } from "vitest";
import { everyRuntime, type Way } from "../support/stranger.ts";
import { glm52 } from "../tools/cli/fake-terminal.ts";
import type { HashedCommand } from "./hash-runs.ts";
import { QUANTISED, root, runs } from "./runs.ts";

const scratch = mkdtempSync(join(tmpdir(), "glm52-runtimes-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** What starts a program of this project in a runtime. */
const starting = ({ command, runsSources }: Way, name: string): Way["command"] => [
  ...command,
  runsSources ? join(root, `${name}.ts`) : join(inject("built"), `${name}.js`),
];

const [here, ...others] = everyRuntime();
const runtimes = inject("runtimes");

/** The expected hash of every run. GLM52_UPDATE_HASHES=1 writes this file again. */
const HASHES = join(root, "test/runtimes/hashes.json");
const RUNS = runs(scratch);

/** A run, one of the ways to run it, and the hash of its result. */
type Hashed = readonly [name: string, way: string, hash: string];

/** All runs in one process of a runtime, in each of the ways that are given. */
async function hashesOf(
  runtime: Way,
  waysOf: (ways: readonly string[]) => readonly string[],
): Promise<readonly Hashed[]> {
  const out = join(scratch, "out.safetensors");
  const chosen = Object.entries(RUNS).flatMap(([name, run]) =>
    waysOf(run.ways?.length ? run.ways : [""]).map((way) => ({ name, way, run })),
  );
  const commands = chosen.map(({ way, run: { args, writes } }): HashedCommand => {
    const argv = [...args, ...way.split(" ").filter(Boolean)];
    return writes ? { argv: [...argv, "--out", out], out } : { argv };
  });
  const file = join(scratch, "commands.json");
  writeFileSync(file, JSON.stringify(commands));
  const [program, ...rest] = starting(runtime, "test/runtimes/hash-runs");
  const { stdout } = await promisify(execFile)(program, [...rest, file]);
  const hashes: readonly string[] = JSON.parse(stdout);
  return chosen.map(({ name, way }, i) => [name, way, hashes[i]]);
}

describe("the same bits", async () => {
  for (const format of QUANTISED) {
    const folders = [join(root, "demo-model"), join(scratch, format)];
    const { code, stderr } = await glm52(["quantize", ...folders, "--to", format]);
    if (code !== 0) throw new Error(stderr);
  }
  const { GLM52_UPDATE_HASHES } = process.env;
  const known = (): Record<string, string> => JSON.parse(readFileSync(HASHES, "utf8"));
  const expectKnown = (hashed: readonly Hashed[]): void => {
    const expected = known();
    expect(hashed).toEqual(hashed.map(([name, way]) => [name, way, expected[name]]));
  };

  it("in every way, as in hashes.json", async () => {
    const hashed = await hashesOf(here, (ways) => ways);
    if (GLM52_UPDATE_HASHES === "1") {
      const hashes = Object.fromEntries(hashed.map(([name, , hash]) => [name, hash]));
      writeFileSync(HASHES, `${JSON.stringify(hashes, null, 2)}\n`);
    }
    expectKnown(hashed);
    expect(hashed.length).toBeGreaterThan(Object.keys(RUNS).length);
  });

  it("hashes.json has no other names", () => {
    expect(Object.keys(known())).toEqual(Object.keys(RUNS));
  });

  it.each(others)("in $name", async (runtime) => {
    expectKnown(await hashesOf(runtime, (ways) => ways.slice(-1)));
  });

  it("a saved session goes on from process to process, in any runtime", async () => {
    const sessions = join(scratch, "sessions");
    const tell = async (runtime: Way, args: readonly string[]): Promise<number[]> => {
      const [program, ...rest] = starting(runtime, "tools/cli/glm52");
      const options = ["--json", "--seed", "7", "--temperature", "0.8"];
      const running = promisify(execFile)(program, [...rest, "run", ...args, ...options]);
      running.child.stdin?.end();
      return JSON.parse((await running).stdout).ids;
    };
    const ways = [here, ...others, here];
    const whole = await tell(here, [
      "Once upon a time",
      ...["--max-tokens", String(5 * ways.length)],
    ]);
    const parts: number[] = [];
    for (const [i, runtime] of ways.entries()) {
      const session = ["--session", "tale", "--sessions", sessions, "--max-tokens", "5"];
      parts.push(...(await tell(runtime, [...(i === 0 ? ["Once upon a time"] : []), ...session])));
    }
    expect(parts).toEqual(whole);
  });

  it("the files of a streamed model are read in the same way, and a flipped bit is found", async () => {
    const model = join(scratch, "streamed");
    cpSync(join(root, "golden/cases/fp8-blocks/model"), model, { recursive: true });
    await glm52(["verify-files", model]);
    const args = [
      "run",
      "--model",
      model,
      "--tokens",
      "3,1,4,1,5",
      "--max-tokens",
      "2",
      "--stream",
    ];
    const streamed = async (runtime: Way): Promise<string> => {
      const [program, ...rest] = starting(runtime, "tools/cli/glm52");
      const argv = [...rest, ...args, "--ram", "256MiB", "--guesses", "0", "--threads", "1"];
      const running = promisify(execFile)(program, argv);
      running.child.stdin?.end();
      const { stderr } = await running.catch((error: { stderr: string }) => error);
      const said = stderr.split("\n").filter((line) => /^(streamed|glm52:)/.test(line));
      return said.join("\n").replace(/ · waited .*/, "");
    };
    const want = await streamed(here);
    expect(want).toMatch(/^streamed .*2 readers\) · [\d.]+ MB are those of the receipt/);
    for (const runtime of others)
      expect([runtime.name, await streamed(runtime)]).toEqual([runtime.name, want]);
    const weights = join(model, "model.safetensors");
    const bytes = readFileSync(weights);
    bytes[bytes.length - 100] ^= 1;
    writeFileSync(weights, bytes);
    for (const runtime of [here, ...others]) {
      expect(await streamed(runtime)).toMatch(
        /model.safetensors: model.*expected checksum \w{8} by/,
      );
    }
  });

  it.skipIf(typeof runtimes !== "string")(
    `the other runtimes are there${typeof runtimes === "string" ? ` (skipped: ${runtimes})` : ""}`,
    () => {},
  );
});
