/**
 * Several processes open the same session at the same instant, again and again. Before each round
 * there is a lock of some kind: of nobody, of a dead process, torn, of another container, and so on.
 * Processes are killed within the steps of the lock.
 *
 * The witness is independent of the lock: who has the session puts a file with its process id beside
 * it, and then looks whether another living process has put one there.
 * @module
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { seededRandom } from "../../../engine/index.ts";
import { KINDS, type LockKind, leaveLock } from "./left-locks.ts";

/** Ways of locking that must be caught: that of version 0.1, and today's without the link. */
export const CONTROLS = ["none", "old", "no-link"] as const;
/** {@inheritDoc CONTROLS} */
export type Control = (typeof CONTROLS)[number];

/** What a worker is told. */
export interface Order {
  readonly folder: string;
  readonly seed: number;
  /** Whether it may kill itself between two steps. */
  readonly mayDie: boolean;
}

/** What a worker answers. */
export interface Answer {
  readonly got: boolean;
  /** Another process that had the session at the same time. */
  readonly other?: string;
  /** Why it was refused. */
  readonly refused?: string;
  /** An error that is no sentence. */
  readonly error?: string;
}

/** The counts of a soak. */
export interface LockCounts {
  readonly rounds: number;
  readonly openings: number;
  readonly refusals: number;
  readonly kills: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

const N_WORKERS = 4;
/** Locks of these kinds belong to somebody who may live: nobody may get the session. */
const HELD: readonly LockKind[] = ["alive", "old-alive", "foreign"];
/** In one of so many rounds, a worker may kill itself. */
const ROUNDS_OF_A_KILL = 50;
/** A soak ends after so many violations; a control is caught by the first. */
const MAX_VIOLATIONS: Readonly<Record<Control, number>> = { none: 20, old: 1, "no-link": 1 };
/** The kinds of locks that version 0.1 knows. */
const OLD_KINDS: readonly LockKind[] = ["fresh", "left", "empty", "old-dead", "old-alive"];

/** Runs the soak. */
export async function lockSoak(setting: {
  readonly rounds: number;
  readonly seed: number;
  readonly control: Control;
}): Promise<LockCounts> {
  const { rounds, seed, control } = setting;
  const random = seededRandom(seed);
  const root = mkdtempSync(join(tmpdir(), "glm52-lock-soak-"));
  const workers = Array.from({ length: N_WORKERS }, () => newWorker(control));
  const kinds = control === "old" ? OLD_KINDS : KINDS;
  const violations: string[] = [];
  const byKind: Record<string, number> = {};
  let [openings, refusals, kills] = [0, 0, 0];
  let isHeld = false;
  const most = MAX_VIOLATIONS[control];
  const folder = join(root, "session");
  mkdirSync(folder);
  try {
    for (let round = 0; round < rounds && violations.length < most; round++) {
      const kind = kinds[Math.floor(random() * kinds.length)];
      byKind[kind] = (byKind[kind] ?? 0) + 1;
      leaveLock(folder, kind, random);
      const mayDie = round % ROUNDS_OF_A_KILL === 0;
      const answers = await Promise.all(
        workers.map((worker, i) =>
          ask(worker, { folder, seed: seed + N_WORKERS * round + i, mayDie: mayDie && i === 0 }),
        ),
      );
      for (const [i, answer] of answers.entries()) {
        if (!answer) {
          kills++;
          workers[i] = newWorker(control);
          continue;
        }
        openings += Number(answer.got);
        refusals += Number(answer.refused !== undefined);
        const what = answer.error ?? (answer.other && `two owners: ${answer.other}`);
        if (what && (control === "none" || answer.other))
          violations.push(`round ${round}, ${kind}: ${what}`);
      }
      const nGot = answers.filter((answer) => answer?.got).length;
      isHeld = HELD.includes(kind) || (kind === "left" && isHeld);
      if (control !== "none") continue;
      if (isHeld && nGot > 0) violations.push(`round ${round}, ${kind}: opened all the same`);
      const hasDied = answers.some((answer) => !answer);
      if (!isHeld && nGot === 0 && !hasDied) violations.push(`round ${round}, ${kind}: no owner`);
    }
    leaveLock(folder, "dead", random);
    await ask(workers[0], { folder, seed, mayDie: false });
    if (control === "none") violations.push(...leftovers(folder));
  } finally {
    for (const worker of workers) worker.kill("SIGKILL");
    rmSync(root, { recursive: true, force: true });
  }
  return { rounds, openings, refusals, kills, byKind, violations };
}

function newWorker(control: Control): ChildProcess {
  const path = join(import.meta.dirname, `lock-worker${extname(import.meta.filename)}`);
  return fork(path, [control]);
}

/** Sends an order; undefined when the worker is dead before it has answered. */
function ask(worker: ChildProcess, order: Order): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const done = (answer: Answer | undefined): void => {
      worker.off("message", onMessage);
      worker.off("exit", onExit);
      resolve(answer);
    };
    const onMessage = (answer: Answer): void => done(answer);
    const onExit = (): void => done(undefined);
    worker.on("message", onMessage);
    worker.on("exit", onExit);
    worker.send(order);
  });
}

/** What the last process that had the session has not cleared away. */
function leftovers(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => !name.startsWith("witness"));
  return names.length > 0 ? [`left behind: ${names.join(", ")}`] : [];
}
