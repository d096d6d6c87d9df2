/**
 * Who owns a lock or a temporary file, in words that another process can check.
 *
 * A process id alone names nobody for long: it is given to another process later, and each
 * container counts its own. So an owner is named by five things:
 *
 * ```
 *   pid . start . namespace . boot . machine        4711.8812345.4026531836.9f3a12cd77ab.77ab01ff03e1
 * ```
 *
 * `start` is when the process began, in clock ticks since the machine was started. `namespace` is
 * what its process id counts in. `boot` is drawn anew whenever the machine starts. `machine` is a
 * hash of the host's name and of its machine id. Linux tells all of them in /proc. Where there is
 * no /proc, `start`, `namespace` and `boot` are 0, and only the process id and the machine decide.
 *
 * Next: temporaries.ts
 * @module
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { systemCode } from "./system-code.ts";

/** The five parts of an owner's name. */
interface Owner {
  readonly pid: number;
  readonly start: string;
  readonly namespace: string;
  readonly boot: string;
  readonly machine: string;
}

/** The part that stands for what the system does not tell. */
const UNKNOWN = "0";
/** The PID namespace of a Linux machine itself; containers have others. */
const FIRST_NAMESPACE = "4026531836";
/** The form of an owner's name. It can be a part of a file name. */
export const OWNER_FORM = String.raw`[1-9]\d{0,9}\.\d{1,20}\.\d{1,20}\.[0-9a-f]{1,12}\.[0-9a-f]{12}`;

/**
 * What is known of an owner: it lives; it is dead for sure; or it cannot be seen from here, because
 * it is in another container or on another machine, or because Deno does not let us ask.
 */
export type OwnerState = "alive" | "dead" | "elsewhere";

const ME: Owner = {
  pid: process.pid,
  start: statOf("self")?.start ?? UNKNOWN,
  namespace: /\d+/.exec(orNothing(() => readlinkSync("/proc/self/ns/pid")))?.[0] ?? UNKNOWN,
  boot: shortened(textOf("/proc/sys/kernel/random/boot_id")) || UNKNOWN,
  machine: hashOf(`${hostname()}\n${textOf("/etc/machine-id").trim()}`),
};

/** The owner that this process is. */
export const OWNER: string = nameOf(ME);

/**
 * Whether this process is in a container. Then processes outside may be unable to see whether it
 * lives.
 */
export const IN_CONTAINER: boolean = ![UNKNOWN, FIRST_NAMESPACE].includes(ME.namespace);

/** The process id in an owner's name. */
export function pidOf(owner: string): number {
  return parsed(owner).pid;
}

/** Whether the owner runs, or ran, under the same running kernel as this process. */
export function isSameKernel(owner: string): boolean {
  return ME.boot !== UNKNOWN && parsed(owner).boot === ME.boot;
}

/** Finds out whether an owner is alive. */
export function ownerState(owner: string): OwnerState {
  const { pid, start, namespace, boot, machine } = parsed(owner);
  if (owner === OWNER) return "alive";
  const isSameMachine = isSameKernel(owner) || machine === ME.machine;
  if (boot === ME.boot && namespace === ME.namespace && isSameMachine) {
    return pidState(pid, start);
  }
  const wasStartedAgain = boot !== ME.boot && boot !== UNKNOWN && ME.boot !== UNKNOWN;
  return isSameMachine && wasStartedAgain ? "dead" : "elsewhere";
}

/**
 * Whether a process with this id is running in our namespace.
 *
 * @param start when it must have begun; a process that began at another time is another one
 */
export function pidState(pid: number, start: string = UNKNOWN): OwnerState {
  const told = (isRunning: boolean): OwnerState => (isRunning ? "alive" : "dead");
  if (pid === ME.pid) return told(start === ME.start && start !== UNKNOWN);
  const found = statOf("self")?.pid === ME.pid ? statOf(String(pid)) : undefined;
  if (found) return told(!found.isZombie && (start === UNKNOWN || found.start === start));
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    const code = systemCode(error);
    if (code === "ESRCH") return "dead";
    // EPERM: it runs for another user. Otherwise, Deno does not let us ask.
    return code === "EPERM" ? "alive" : "elsewhere";
  }
}

function parsed(owner: string): Owner {
  const [pid, start, namespace, boot, machine] = owner.split(".");
  return { pid: Number(pid), start, namespace, boot, machine };
}

function nameOf({ pid, start, namespace, boot, machine }: Owner): string {
  return [pid, start, namespace, boot, machine].join(".");
}

/**
 * Reads `/proc/PID/stat`; see proc_pid_stat(5). A zombie has ended and only waits for its parent to
 * ask how.
 */
function statOf(pid: string): { pid: number; start: string; isZombie: boolean } | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  // The second field is the program's name in brackets, in which anything may stand.
  const rest = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const start = rest[19];
  if (start === undefined) return undefined;
  return { pid: Number.parseInt(text, 10), start, isZombie: /[ZX]/.test(rest[0]) };
}

function textOf(path: string): string {
  return orNothing(() => readFileSync(path, "utf8"));
}

function orNothing(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}

function shortened(bootId: string): string {
  return bootId.replace(/[^0-9a-f]/g, "").slice(0, 12);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
