/**
 * A process of the lock soak: opens a session when it is told to, and says how it went.
 * @module
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { isExplained, seededRandom } from "../../../engine/index.ts";
import { lockFolder } from "../../../tools/sessions/lock.ts";
import type { Answer, Order } from "./lock.ts";
import { oldLock } from "./old-lock.ts";

/** The share of steps with a wait before or after them, and the longest wait in milliseconds. */
const [WAITS, LONGEST_MS] = [0.02, 2];
/** The share of steps after which a worker that may die does so. */
const DEATHS = 0.08;

let random: () => number = () => 0;
let mayDie = false;

/** Lets time pass, or ends the process, so that other processes get between two steps. */
function between(): void {
  if (mayDie && random() < DEATHS) process.kill(process.pid, "SIGKILL");
  if (random() > WAITS) return;
  const end = performance.now() + LONGEST_MS * random();
  while (performance.now() < end);
}

/** Replaces the functions of node:fs that a lock is made of by slow ones. */
function slowDown(control: string | undefined): void {
  for (const name of ["openSync", "linkSync", "renameSync", "rmSync", "writeFileSync"] as const) {
    const step = fs[name] as (...args: unknown[]) => unknown;
    const slow = (...args: unknown[]): unknown => {
      between();
      const result = step(...args);
      between();
      return result;
    };
    Object.assign(fs, { [name]: slow });
  }
  // A rename gives a file its name too, but takes the name away from another one.
  if (control === "no-link") Object.assign(fs, { linkSync: fs.copyFileSync });
  syncBuiltinESMExports();
}

const [, , control] = process.argv;
const lock = control === "old" ? oldLock : lockFolder;
const { readdirSync, readFileSync, unlinkSync, writeSync, closeSync } = fs;
const openWitness = fs.openSync;
slowDown(control);

process.on("message", (order: Order) => {
  random = seededRandom(order.seed);
  mayDie = order.mayDie;
  process.send?.(attempt(order.folder));
});

function attempt(folder: string): Answer {
  try {
    const { release } = lock(folder, "session");
    const mine = `witness-${process.pid}`;
    const file = openWitness(join(folder, mine), "w");
    writeSync(file, "here");
    closeSync(file);
    between();
    const other = readdirSync(folder).find(
      (name) => name.startsWith("witness-") && name !== mine && isAlive(name.slice(8)),
    );
    between();
    unlinkSync(join(folder, mine));
    release();
    return { got: true, ...(other !== undefined && { other }) };
  } catch (error) {
    if (isExplained(error)) return { got: false, refused: error.message };
    return { got: false, error: String((error as Error).stack) };
  }
}

/** Whether a process runs, by what the kernel says of it. */
function isAlive(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
