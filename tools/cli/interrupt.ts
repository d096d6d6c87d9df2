/**
 * Ctrl-C. The first one asks the work to end in order, the second one ends the process.
 *
 * JavaScript hears of a signal only between two steps of its event loop, and one step of a large model
 * may take minutes. So that the second Ctrl-C ends the process even then, a shell that does nothing
 * else waits beside it: the terminal sends Ctrl-C to both.
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";

/** Was thrown because of Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Who tells about Ctrl-C. */
export interface Interrupts {
  /**
   * Calls `listener` on the next Ctrl-C. A second Ctrl-C ends the process, and so does one that
   * comes while there is no listener. Returns a function that removes the listener.
   */
  onInterrupt(listener: () => void): () => void;
  /**
   * Calls `listener` when another program asks this one to end (SIGTERM), as those do that start and end
   * servers. Returns a function that removes the listener.
   */
  onTerminate(listener: () => void): () => void;
}

/**
 * Does work that Ctrl-C ends, by a signal whose reason is {@link Interrupted}.
 *
 * @throws what the work throws, when it is interrupted usually that reason
 */
export async function interruptible<T>(
  { onInterrupt }: Pick<Interrupts, "onInterrupt">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const stopListening = onInterrupt(() => abort.abort(new Interrupted()));
  try {
    return await work(abort.signal);
  } finally {
    stopListening();
  }
}

/** Waits until somebody asks for the end: by Ctrl-C, or by SIGTERM. */
export function untilAsked({ onInterrupt, onTerminate }: Interrupts): Promise<void> {
  return new Promise((resolve) => {
    const stop = [onInterrupt(() => end()), onTerminate(() => end())];
    const end = (): void => {
      for (const stopListening of stop.slice(1)) stopListening(); // the second Ctrl-C is heard on
      resolve();
    };
  });
}

/** {@link Interrupts.onInterrupt} of this process. */
export function onInterrupt(listener: () => void): () => void {
  let isFirst = true;
  const hear = (): void => {
    if (!isFirst) process.exit(CTRL_C);
    isFirst = false;
    listener();
  };
  process.on("SIGINT", hear);
  const endWatch = watch();
  return () => {
    process.off("SIGINT", hear);
    endWatch();
  };
}

/** {@link Interrupts.onTerminate} of this process. */
export function onTerminate(listener: () => void): () => void {
  process.once("SIGTERM", listener);
  return () => void process.off("SIGTERM", listener);
}

/** The exit code of a process that Ctrl-C ended, as shells have it. */
const CTRL_C = 130;

/**
 * Keeps Ctrl-C from ending the process where nobody listens: in the moment between a reply and the line
 * editor, a conversation would be lost. Returns a function that ends this.
 */
export function ignoreInterrupts(): () => void {
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  return () => void process.off("SIGINT", ignore);
}

/**
 * Counts Ctrl-C, and ends process $0 at the second. `read` waits. It fails when a signal comes, and also when
 * this process closes the pipe or dies; then the count is as it was.
 */
const WATCH = `
n=0
trap 'n=$((n + 1)); [ $n -lt 2 ] || { kill -s TERM "$0"; exit; }' INT
while m=$n; do read -r _ || [ $n -ne $m ] || exit; done`;

/** Starts that shell where a person sits at a terminal of a system that has one. */
function watch(): () => void {
  const isTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  if (!isTerminal || process.platform === "win32" || "Deno" in globalThis) return () => {};
  const stdio = ["pipe", "ignore", "ignore"] as const;
  const shell = spawn("/bin/sh", ["-c", WATCH, String(process.pid)], { stdio: [...stdio] });
  shell.on("error", () => {}); // without it, the second Ctrl-C waits for the end of the step
  shell.stdin?.on("error", () => {});
  shell.unref();
  return () => void shell.stdin?.end();
}
