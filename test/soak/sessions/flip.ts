/**
 * Damages the files of saved sessions at random places, and opens the session again. It must be
 * refused with a sentence, or be exactly what was saved; or its end is reported as torn, and it is
 * what was saved one record before. The same for what a repair leaves.
 * @module
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isExplained, type Model, seededRandom } from "../../../engine/index.ts";
import { createSession, openSession } from "../../../tools/sessions/session-folder.ts";
import { verifySession } from "../../../tools/sessions/verify.ts";
import { damaged } from "./damage.ts";
import { aboutTiny, newSession, openTiny } from "./tiny.ts";

/** The counts of a soak. */
export interface FlipCounts {
  readonly rounds: number;
  readonly refused: number;
  /** Opened, with a report that the end of the journal was torn. */
  readonly torn: number;
  /** Opened as if nothing was wrong: the damage is in bytes that mean nothing, or is none. */
  readonly same: number;
  readonly repaired: number;
  /** Sessions that lost something in a repair, which said so. */
  readonly losses: number;
  readonly violations: readonly string[];
}

/** Files that are damaged. The lock is there only when a process has died. */
const FILES = ["session.json", "journal", "pages", "lock"] as const;
/** Commits of the session, and tokens of each. */
const [N_COMMITS, N_TOKENS] = [9, 5];
const MAX_VIOLATIONS = 20;

/** Runs the soak. */
export async function flipSoak(rounds: number, seed: number): Promise<FlipCounts> {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "glm52-flip-soak-"));
  const model = await openTiny();
  const violations: string[] = [];
  const counts = { refused: 0, torn: 0, same: 0, repaired: 0, losses: 0 };
  try {
    const states = await makeSession(model, folder);
    const path = join(folder, "soak");
    const whole = new Map(FILES.map((name) => [name, readFileSync(join(path, name))]));
    for (let round = 0; round < rounds && violations.length < MAX_VIOLATIONS; round++) {
      restoreFiles(path, whole);
      const file = FILES[Math.floor(random() * FILES.length)];
      const { bytes, what } = damaged(new Uint8Array(whole.get(file) ?? []), random);
      writeFileSync(join(path, file), bytes);
      age(path);
      const complain = (problem: string): void => {
        violations.push(`round ${round}: ${what} in ${file}: ${problem}`);
      };
      try {
        const found = opened(model, folder);
        counts[found.kind]++;
        if (found.kind !== "refused") mustBeSaved(found, states, complain);
        const left = mended(model, folder, complain);
        counts.repaired += Number(left !== undefined);
        counts.losses += Number(left !== undefined && left.text !== states.at(-1)?.text);
        if (left) mustBeOneOf(left, states, complain);
      } catch (error) {
        complain(String((error as Error).stack));
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { rounds, ...counts, violations };
}

/** All that a session holds. */
interface Held {
  /** Its ids, its notes and its random state, as JSON. */
  readonly text: string;
  readonly nRun: number;
  /** The bytes of its logits and pages. */
  readonly numbers: string;
}

/** Makes the session, and returns what it held after each commit. */
async function makeSession(model: Model, folder: string): Promise<Held[]> {
  createSession(folder, "soak", await aboutTiny(model));
  const { saved } = openSession(folder, "soak"); // its lock stays: it looks as if we had died
  const session = newSession(model);
  const states = [held(model, saved)];
  for (let n = 1; n <= N_COMMITS; n++) {
    if (n % 4 === 0) session.truncate(session.tokens.length - 7);
    session.append(Array.from({ length: N_TOKENS }, (_, i) => (7 * n + i) % 64));
    const note = { messages: Array.from({ length: n }, (_, i) => `message ${i}`), nTurns: n };
    const pending = n % 3 === 0 ? [n] : [];
    const logits = pending.length === 0 ? session.lastLogits : undefined;
    saved.commit(session, { pending, random: [n, 1, 2, 3], logits, note });
    states.push(held(model, saved));
  }
  const lock = join(folder, "soak", "lock");
  const dead = readFileSync(lock, "utf8").replace(/of \d+\./, `of ${2 ** 30}.`);
  writeFileSync(lock, dead);
  return states;
}

type Saved = ReturnType<typeof openSession>["saved"];

/** Restores a session, and gives all that it holds then. */
function held(model: Model, saved: Saved): Held {
  const session = newSession(model);
  saved.restore(session);
  const { nRun, random, note } = saved.state;
  const nPages = Math.ceil(nRun / session.pool.layout.format.pageRows);
  const pages = Array.from({ length: nPages }, (_, i) => session.pageBytes(i));
  const logits = session.lastLogits ? [new Uint8Array(session.lastLogits.slice().buffer)] : [];
  session.close();
  return {
    text: JSON.stringify([saved.text, random, note]),
    nRun,
    numbers: Buffer.concat([...pages, ...logits]).toString("base64"),
  };
}

type Opened = ({ readonly kind: "same" | "torn" } & Held) | { readonly kind: "refused" };

function opened(model: Model, folder: string): Opened {
  try {
    const { saved, close } = openSession(folder, "soak");
    try {
      const kind = saved.rest.kind === "torn" ? "torn" : "same";
      return { kind, ...held(model, saved) };
    } finally {
      close();
    }
  } catch (error) {
    if (isExplained(error)) return { kind: "refused" };
    throw error;
  }
}

/** What was opened must be the last state; a torn one, that or the state before it. */
function mustBeSaved(
  found: Held & { kind: "same" | "torn" },
  states: readonly Held[],
  complain: (problem: string) => void,
): void {
  const isLike = (n: number): boolean => {
    const { text, nRun, numbers } = states.at(n) ?? { text: "", nRun: 0, numbers: "" };
    return text === found.text && nRun === found.nRun && numbers === found.numbers;
  };
  if (isLike(-1)) return;
  const isEarlier = states.some((_, n) => isLike(n));
  if (found.kind === "same") complain(isEarlier ? "records lost in silence" : "another state");
  else if (!isEarlier) complain("torn, and another state");
}

/**
 * Verifies the session, and repairs it if that finds something.
 *
 * @returns what is left, or undefined when it cannot be repaired
 */
function mended(
  model: Model,
  folder: string,
  complain: (problem: string) => void,
): Held | undefined {
  try {
    verifySession(folder, "soak");
    return undefined;
  } catch (error) {
    if (!isExplained(error)) throw error;
  }
  try {
    const { repaired } = verifySession(folder, "soak", true);
    if (repaired.length === 0) complain("repaired without a word");
  } catch (error) {
    if (!isExplained(error)) throw error;
    return undefined;
  }
  verifySession(folder, "soak");
  const left = opened(model, folder);
  if (left.kind !== "same") complain(`${left.kind} after a repair`);
  return left.kind === "refused" ? undefined : left;
}

/** What a repair leaves is a state that was saved, perhaps with fewer tokens that were run. */
function mustBeOneOf(
  { text, nRun }: Held,
  states: readonly Held[],
  complain: (problem: string) => void,
): void {
  if (!states.some((state) => state.text === text && nRun <= state.nRun)) {
    complain("repaired to another state");
  }
}

function restoreFiles(path: string, whole: ReadonlyMap<string, Uint8Array>): void {
  for (const name of readdirSync(path)) if (!whole.has(name)) rmSync(join(path, name));
  for (const [name, bytes] of whole) writeFileSync(join(path, name), bytes);
}

/** Makes a lock look old: who meets a torn one that is new waits whether it will be completed. */
function age(path: string): void {
  utimesSync(join(path, "lock"), 1, 1);
}
