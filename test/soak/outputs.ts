/**
 * Kills commands that write files, at random moments. The place of the output must hold what it held
 * before, or all of the new bytes; and the next command must remove what the killed one left beside it.
 *
 *     npm run soak:outputs -- --rounds 1000
 *
 * It prints its counts as JSON, and exits with 1 when something happened that must not happen.
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../../engine/index.ts";

const ROOT = process.cwd();
const PROGRAM = join(import.meta.dirname, "../../tools/cli/glm52.js");
const MODEL = join(ROOT, "golden/cases/tiny-all/model");

/** A command, and the name of what it writes. */
interface Output {
  readonly name: string;
  /** Whether it is a folder, which must not be there before. */
  readonly isFolder?: boolean;
  readonly argv: (out: string) => readonly string[];
}

const OUTPUTS: readonly Output[] = [
  { name: "m.gguf", argv: (out) => ["export", MODEL, out] },
  {
    name: "t.safetensors",
    argv: (out) => ["trace", "--model", MODEL, "--tokens", "1,2,3", "--out", out],
  },
  { name: "q8", isFolder: true, argv: (out) => ["quantize", MODEL, out, "--to", "q8"] },
  { name: "plan.svg", argv: (out) => ["plan", MODEL, "--svg", out] },
  {
    name: "report.html",
    argv: (out) => [
      "golden",
      "check",
      join(ROOT, "golden/cases/tiny-all/f32.safetensors"),
      ...["--case", "tiny-all", "--html", out],
    ],
  },
];

/** What a place held before, or holds after. */
function contentOf(path: string): string {
  if (!existsSync(path)) return "nothing";
  const hash = createHash("sha256");
  try {
    for (const name of readdirSync(path).sort())
      hash.update(name).update(readFileSync(join(path, name)));
  } catch {
    hash.update(readFileSync(path));
  }
  return hash.digest("hex");
}

function start(argv: readonly string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...argv], { stdio: "ignore", cwd: ROOT });
}

/** Runs a command to its end; returns its exit code and how long it took. */
async function run(argv: readonly string[]): Promise<{ code: number | null; ms: number }> {
  const begun = performance.now();
  const child = start(argv);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, ms: performance.now() - begun };
}

async function soak(rounds: number, seed: number) {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "glm52-outputs-"));
  const counts = { kills: 0, old: 0, new: 0, leftBeside: 0 };
  const violations: string[] = [];
  try {
    for (const { name, isFolder, argv } of OUTPUTS) {
      const place = join(folder, `for-${name}`);
      mkdirSync(place);
      const path = join(place, name);
      const first = await run(argv(path));
      if (first.code !== 0) violations.push(`${name}: it fails with ${first.code}`);
      const complete = contentOf(path);
      for (let round = 0; round < Math.ceil(rounds / OUTPUTS.length); round++) {
        rmSync(path, { recursive: true, force: true });
        if (!isFolder) writeFileSync(path, "what was there before");
        const before = contentOf(path);
        const child = start(argv(path));
        const ended = new Promise((resolve) => child.on("close", resolve));
        // Most of the time goes into the start, and the write comes at the end.
        setTimeout(() => child.kill("SIGKILL"), first.ms * (0.5 + 0.7 * random()));
        await ended;
        counts.kills++;
        const after = contentOf(path);
        if (after === before) counts.old++;
        else if (after === complete) counts.new++;
        else violations.push(`${name}, round ${round}: neither the old nor the new content`);
        if (readdirSync(place).length > (existsSync(path) ? 1 : 0)) counts.leftBeside++;
      }
      rmSync(path, { recursive: true, force: true });
      const last = await run(argv(path));
      const names = readdirSync(place);
      if (last.code !== 0 || names.length !== 1 || contentOf(path) !== complete) {
        violations.push(`${name}: after the kills there is ${names.join(", ")}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { ...counts, violations };
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
  },
});
const counts = await soak(Number(values.rounds), Number(values.seed));
process.stdout.write(`${JSON.stringify(counts, undefined, 2)}\n`);
process.exitCode = counts.violations.length > 0 ? 1 : 0;
