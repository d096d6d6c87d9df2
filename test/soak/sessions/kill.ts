/**
 * Processes that write saved sessions are killed at random moments, and what they leave is read
 * again: everything that they reported as synced must be there, with the same numbers.
 * @module
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { type Model, seededRandom } from "../../../engine/index.ts";
import type { SavedSession } from "../../../tools/sessions/saved-session.ts";
import { openSession } from "../../../tools/sessions/session-folder.ts";
import { sessionNames } from "../../../tools/sessions/session-names.ts";
import type { SoakNote } from "./kill-worker.ts";
import { newSession, openTiny, TINY } from "./tiny.ts";

/** The counts of a soak. */
export interface KillCounts {
  readonly kills: number;
  /** Commits that were reported as synced. */
  readonly commits: number;
  /** Sessions whose last record was torn. */
  readonly torn: number;
  /** Kills of commands of the program, and forks that were complete all the same. */
  readonly commands: number;
  readonly forks: number;
  readonly violations: readonly string[];
}

/** A command of the program is killed instead of a worker in one of so many rounds. */
const ROUNDS_OF_A_COMMAND = 10;
/** The longest time until a kill, in milliseconds: of a worker that is ready, and of any process. */
const [READY_MS, START_MS] = [100, 500];
/** The tokens that the commands are given. */
const PROMPT = "5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20";

/** Runs the soak. */
export async function killSoak(rounds: number, seed: number): Promise<KillCounts> {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "glm52-kill-soak-"));
  const model = await openTiny();
  const counts = { kills: 0, commits: 0, torn: 0, commands: 0, forks: 0 };
  const violations: string[] = [];
  let commandText: readonly number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const complain = (what: string): void => {
        violations.push(`round ${round}: ${what}`);
      };
      counts.kills++;
      try {
        if (round % ROUNDS_OF_A_COMMAND === ROUNDS_OF_A_COMMAND - 1) {
          counts.commands++;
          commandText = await killCommand(model, folder, commandText, random, complain);
          counts.forks += removeForks(model, folder, complain);
        } else {
          const { commits, isTorn } = await killWorker(model, folder, random, complain);
          counts.commits += commits;
          counts.torn += Number(isTorn);
        }
      } catch (error) {
        complain(String((error as Error).stack));
      }
    }
    const left = readdirSync(folder).filter((name) => name.startsWith("."));
    if (left.length > 0) violations.push(`left behind: ${left.join(", ")}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { ...counts, violations };
}

async function killWorker(
  model: Model,
  folder: string,
  random: () => number,
  complain: (what: string) => void,
): Promise<{ commits: number; isTorn: boolean }> {
  const path = join(import.meta.dirname, `kill-worker${extname(import.meta.filename)}`);
  const isEarly = random() < 0.1;
  const delay = random() * (isEarly ? START_MS : READY_MS);
  const said = await killed([path, folder, String(random())], delay, isEarly ? undefined : "ready");
  if (said.stderr !== "") complain(said.stderr);
  const reported = said.stdout
    .split("\n")
    .slice(0, -1)
    .filter((line) => line !== "ready");
  const least = Number(reported.at(-1) ?? 0);
  if (!sessionNames(folder).includes("soak")) return { commits: 0, isTorn: false };
  return opened(folder, "soak", (saved) => {
    const note = (saved.state.note ?? { n: 0, run: [], pending: [] }) as SoakNote;
    if (note.n < least) complain(`commit ${least} was synced, found ${note.n}`);
    if (least > 0 && note.n > least + 1) complain(`found commit ${note.n} after ${least}`);
    const expected = [...note.run, ...note.pending];
    if (String(expected) !== String(saved.text)) complain(`other tokens in commit ${note.n}`);
    if (saved.state.nRun !== note.run.length) complain(`another length in commit ${note.n}`);
    if (note.n > 0 && saved.state.random?.[0] !== note.n)
      complain("another state of the generator");
    mustBeTrue(model, saved, complain);
    return { commits: reported.length, isTorn: saved.rest.kind === "torn" };
  });
}

/**
 * Kills a command of the program. Its text grows from command to command and is never another one.
 *
 * @returns the text of the session afterwards
 */
async function killCommand(
  model: Model,
  folder: string,
  before: readonly number[],
  random: () => number,
  complain: (what: string) => void,
): Promise<readonly number[]> {
  const program = join(
    import.meta.dirname,
    `../../../tools/cli/glm52${extname(import.meta.filename)}`,
  );
  const where = ["--sessions", folder];
  const run = ["--model", TINY, "--backend", "reference", "--threads", "1", "--tokens", PROMPT];
  const commands = [
    ["run", ...run, "--session", "command", "--max-tokens", "100", ...where],
    ["session", "save", "command", ...run, ...where],
    ["session", "fork", "soak", `fork-${Math.floor(random() * 1e9)}`, ...where],
  ];
  const command = commands[Math.floor(random() * commands.length)];
  await killed([program, ...command], 2 * START_MS * random());
  if (!sessionNames(folder).includes("command")) return [];
  return opened(folder, "command", (saved) => {
    const { text } = saved;
    if (String(text.slice(0, before.length)) !== String(before)) complain("a command lost tokens");
    mustBeTrue(model, saved, complain);
    return text;
  });
}

/** Checks the forks that have a name, and removes them. Returns how many there were. */
function removeForks(model: Model, folder: string, complain: (what: string) => void): number {
  const forks = sessionNames(folder).filter((name) => name.startsWith("fork-"));
  for (const name of forks) {
    opened(folder, name, (saved) => mustBeTrue(model, saved, complain));
    rmSync(join(folder, name), { recursive: true });
  }
  return forks.length;
}

/** Opens a session for a moment. */
function opened<T>(folder: string, name: string, use: (saved: SavedSession) => T): T {
  const { saved, close } = openSession(folder, name);
  try {
    return use(saved);
  } finally {
    close();
  }
}

/** Compares a restored session with one that runs its tokens anew: the same logits, bit for bit. */
function mustBeTrue(model: Model, saved: SavedSession, complain: (what: string) => void): void {
  const [restored, fresh] = [1, 2].map(() => newSession(model, saved.about.pageRows));
  saved.restore(restored);
  const tokens = [...restored.tokens];
  if (tokens.length > 0) {
    const logits = fresh.append(tokens);
    if (restored.lastLogits && hex(restored.lastLogits) !== hex(logits)) complain("other logits");
    if (hex(restored.append([5, 6])) !== hex(fresh.append([5, 6]))) complain("goes on otherwise");
  }
  restored.close();
  fresh.close();
}

function hex({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}

/**
 * Starts a program, kills it after some time, and returns what it has said.
 *
 * @param delay milliseconds from its start, or from the moment at which it has said `sign`
 */
function killed(
  argv: readonly string[],
  delay: number,
  sign?: string,
): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    const kill = (): void => {
      setTimeout(() => child.kill("SIGKILL"), delay);
    };
    if (sign === undefined) kill();
    child.stdout.on("data", (bytes) => {
      const isFirst = said.stdout === "";
      said.stdout += bytes;
      if (sign !== undefined && isFirst) kill();
    });
    child.stderr.on("data", (bytes) => {
      said.stderr += bytes;
    });
    child.on("error", reject);
    child.on("close", () => resolve(said));
  });
}
