/**
 * The locks that the soak leaves before a round.
 * @module
 */
import { readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OWNER } from "../../../tools/node/owner.ts";

/** The kinds of locks. */
export const KINDS = [
  "fresh", // none
  "left", // what the round before has left, after a kill perhaps a lock
  "dead", // of a process that is no more
  "restarted", // of a process whose id another one has now
  "rebooted", // of a process before the machine was started again
  "chain", // of a dead process, which two others wanted to take over before they died
  "empty",
  "torn",
  "old-dead", // of version 0.1
  "old-alive",
  "alive",
  "foreign", // of another container
] as const;
/** {@inheritDoc KINDS} */
export type LockKind = (typeof KINDS)[number];

/** A process id that no process has: they end at 2 ** 22. */
const NOBODY = 2 ** 30;
/** In one of so many rounds, an empty or torn lock looks as if it was just being made. */
const ROUNDS_OF_A_FRESH_ONE = 200;

/** Leaves a lock of this kind in the folder, which nobody is using. */
export function leaveLock(folder: string, kind: LockKind, random: () => number): void {
  if (kind === "left") return;
  for (const name of readdirSync(folder)) {
    if (name.startsWith("lock") || name.startsWith("witness")) rmSync(join(folder, name));
  }
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const id = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(16, "0");
  const [, start, namespace, boot, machine] = OWNER.split(".");
  const dead = [NOBODY, start, namespace, boot, machine].join(".");
  const lock = (owner: string, own: string = id()): string => `glm52 lock ${own} of ${owner}\n`;
  const texts: Readonly<Record<Exclude<LockKind, "left" | "fresh">, () => string>> = {
    dead: () => lock(dead),
    restarted: () => lock([process.pid, `${start}1`, namespace, boot, machine].join(".")),
    rebooted: () => lock([process.pid, start, namespace, "0123456789ab", machine].join(".")),
    chain: () => {
      const [first, second, third] = [id(), id(), id()];
      write(`lock.after.${first}`, lock(dead, second));
      write(`lock.after.${second}`, lock(dead, third));
      return lock(dead, first);
    },
    empty: () => "",
    torn: () => lock(dead).slice(0, 1 + Math.floor(random() * 40)),
    "old-dead": () => String(NOBODY),
    "old-alive": () => String(process.pid),
    alive: () => lock(OWNER),
    foreign: () => lock([1, start, `${namespace}1`, boot, machine].join(".")),
  };
  if (kind === "fresh") return;
  write("lock", texts[kind]());
  const isOld = random() > 1 / ROUNDS_OF_A_FRESH_ONE;
  if (isOld) utimesSync(join(folder, "lock"), 1, 1);
}
