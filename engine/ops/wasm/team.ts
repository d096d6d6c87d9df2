/**
 * Threads that share one piece of work.
 *
 * The work is a function that is called once for each thread and says, in calls of kernels, what this
 * thread does. The thread that runs it makes its own calls at once. The calls of the others are written
 * down as numbers in the shared memory, and the others make them there. So an op and the way it is
 * shared out stand in one place, and one thread runs the same code as many.
 *
 * A kernel computes every result by itself, in a fixed order, so it does not matter which thread does it.
 * @module
 */
import { awakeTime } from "../../base/awake-time.ts";
import { GlmError } from "../../base/errors.ts";
import { AdaptiveCount } from "./adaptive-count.ts";
import type { Arena } from "./arena.ts";
import type { Bank, SharedModule } from "./bank.ts";
import type { Kernels } from "./kernels.ts";
import { CONTROL, LIST_WORDS, STOP, serve, type ThreadData } from "./worker.ts";

/** Below so many multiplications, waking threads costs more than it saves. */
const SHARE_FROM = 2 ** 18;

/** How often a thread looks at a control word before it sleeps: some tens of microseconds. */
const SPINS = 20_000;

/** The others may take so many times as long for their share as this thread took for its own. */
const LONGEST_SHARE = 50;

/** But so many milliseconds they may always take: a thread may have to wait for a core. */
const LEAST_PATIENCE_MS = 10_000;

/** A thread trapped, or does not answer. The ops cannot be used any more. */
export class WasmThreadError extends GlmError {
  override readonly name = "WasmThreadError";
  readonly code = "threads";
}

/** How many threads, this one included, and how the others are started. */
export interface Threads {
  /** How many threads compute. */
  readonly count: number;
  /** Starts one more thread. */
  readonly start: StartThread;
  /** How long a thread may be silent before that is an error, at least; 10 seconds by default. */
  readonly patienceMs?: number;
  /** Work of fewer multiplications is not shared; 262,144 by default. */
  readonly shareFrom?: number;
  /** Whether late threads are left out for a while; true by default. See adaptive-count.ts. */
  readonly isAdaptive?: boolean;
}

/** Starts a thread that evaluates `source` with the global `threadData`; resolves when it runs. */
export type StartThread = (source: string, threadData: ThreadData) => Promise<Thread>;

/** A thread that runs. */
export interface Thread {
  /** Resolves when its program has ended; keeps the process alive until then. */
  ended(): Promise<void>;
  /** Ends it wherever it is. */
  terminate(): void;
}

/**
 * What one thread has to do. It must call the kernels that it is given, which may be recorders (see
 * above). Scratch made in the first memory is freed when all are done; a thread may free none.
 *
 * @param kernels those of the first memory
 * @param part the number of the thread, below `parts`
 * @param kernelsOf those of each memory
 */
export type Work = (
  kernels: Kernels,
  part: number,
  parts: number,
  kernelsOf: readonly Kernels[],
) => void;

/** The bare text of the thread's program. */
const PROGRAM = `(${serve})(globalThis.threadData)`;

/** Where part `part` of `n` equal things begins and ends, cut at multiples of `unit`. */
export function share(n: number, unit: number, part: number, parts: number): [number, number] {
  const nUnits = Math.ceil(n / unit);
  const at = (p: number) => Math.min(n, unit * Math.floor((nUnits * p) / parts));
  return [at(part), at(part + 1)];
}

/** The threads of one machine; see the top of this file. */
export class Team {
  readonly size: number;
  /** The kernels of each memory, and what writes their calls down for another thread. */
  readonly #kernelsOf: readonly Kernels[];
  readonly #recordersOf: readonly Kernels[];
  readonly #arena: Arena;
  readonly #names: readonly string[];
  readonly #control: Int32Array<ArrayBufferLike>;
  #threads: readonly Thread[] = [];
  readonly #patienceMs: number;
  readonly #shareFrom: number;
  /** How many threads are used; undefined when it is always all of them. */
  readonly #adaptive: AdaptiveCount | undefined;
  /** Calls of the thread whose share is being written down. */
  #calls: number[] = [];
  #failed: WasmThreadError | undefined;

  private constructor(banks: readonly Bank[], size: number, threads?: Threads) {
    this.size = size;
    this.#patienceMs = threads?.patienceMs ?? LEAST_PATIENCE_MS;
    this.#shareFrom = threads?.shareFrom ?? SHARE_FROM;
    this.#adaptive = threads?.isAdaptive === false ? undefined : new AdaptiveCount(size);
    this.#kernelsOf = banks.map(({ kernels }) => kernels);
    this.#arena = banks[0].arena;
    this.#names = Object.keys(banks[0].kernels);
    const nWords = CONTROL.lists + LIST_WORDS * size;
    this.#control =
      size === 1
        ? new Int32Array(nWords)
        : new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * nWords));
    const record =
      (kernel: number) =>
      (...args: number[]) => {
        this.#calls.push(kernel, args.length, ...args);
      };
    this.#recordersOf = banks.map((_, bank) => {
      const first = bank * this.#names.length;
      const entries = this.#names.map((name, i) => [name, record(first + i)]);
      return Object.fromEntries(entries) as Kernels;
    });
  }

  /** One thread: this one. */
  static alone(banks: readonly Bank[]): Team {
    return new Team(banks, 1);
  }

  /** This thread and `count - 1` new ones. */
  static async start(
    banks: readonly Bank[],
    threads: Threads,
    shared: SharedModule,
  ): Promise<Team> {
    const { count, start } = threads;
    const team = new Team(banks, count, threads);
    const control = team.#control as Int32Array<SharedArrayBuffer>;
    const common = { ...shared, control, at: CONTROL, listWords: LIST_WORDS, spins: SPINS };
    const others = Array.from({ length: count - 1 }, (_, i) => i + 1);
    const started = await Promise.allSettled(
      others.map((thread) => start(PROGRAM, { ...common, thread })),
    );
    team.#threads = started.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    const failed = started.find((one) => one.status === "rejected");
    if (!failed) return team;
    await team.close();
    throw failed.reason;
  }

  /** @param products about how many multiplications it is: a small work is done by this thread */
  run(products: number, work: Work): void {
    if (this.#failed) throw this.#failed;
    const mark = this.#arena.mark();
    try {
      const count = products < this.#shareFrom ? 1 : this.#countNow();
      if (count === 1) work(this.#kernelsOf[0], 0, 1, this.#kernelsOf);
      else this.#runTogether(work, count);
    } finally {
      this.#arena.release(mark);
    }
  }

  /** Ends the other threads and waits until they are gone. Those of a failed team may not listen. */
  async close(): Promise<void> {
    const threads = this.#threads;
    this.#threads = [];
    if (this.#failed) {
      for (const thread of threads) thread.terminate();
    } else {
      this.#failed = new WasmThreadError("wasm threads", "closed");
      for (let t = 1; t < this.size; t++) this.#control[listOf(t) + 2] = STOP;
      this.#begin(this.size);
    }
    await Promise.all(threads.map((thread) => thread.ended()));
  }

  #countNow(): number {
    if (this.size === 1 || !this.#adaptive) return this.size;
    return this.#adaptive.at(performance.now());
  }

  /** @param count how many threads share the work, this one included */
  #runTogether(work: Work, count: number): void {
    for (let t = 1; t < count; t++) {
      this.#calls = [];
      work(this.#recordersOf[0], t, count, this.#recordersOf);
      const address = this.#arena.scratch(8 * this.#calls.length);
      this.#arena.doubles(address, this.#calls.length).set(this.#calls);
      this.#control[listOf(t) + 1] = address / 8;
      this.#control[listOf(t) + 2] = this.#calls.length;
    }
    const begun = performance.now();
    this.#begin(count);
    try {
      work(this.#kernelsOf[0], 0, count, this.#kernelsOf);
    } finally {
      const worked = performance.now() - begun;
      this.#wait(count - 1, Math.max(this.#patienceMs, LONGEST_SHARE * worked));
      const now = performance.now();
      this.#adaptive?.took(worked, now - begun - worked, now);
    }
  }

  /** Starts the threads before `count` on their lists. */
  #begin(count: number): void {
    const control = this.#control;
    Atomics.store(control, CONTROL.done, 0);
    Atomics.store(control, CONTROL.asked, count - 1);
    for (let t = 1; t < count; t++) Atomics.add(control, listOf(t), 1);
    if (Atomics.load(control, CONTROL.sleepers) === 0) return;
    for (let t = 1; t < count; t++) Atomics.notify(control, listOf(t));
  }

  /** Waits until `nOthers` threads are done. */
  #wait(nOthers: number, patienceMs: number): void {
    const control = this.#control;
    let waited: (() => number) | undefined;
    for (let i = 1; Atomics.load(control, CONTROL.done) < nOthers; i++) {
      if (i < SPINS) continue;
      waited ??= awakeTime();
      sleep(control, CONTROL.done);
      if (waited() > patienceMs) this.#fail(`no answer for ${patienceMs} ms`);
    }
    const thread = Atomics.load(control, CONTROL.failedThread);
    if (thread === 0) return;
    const kernel = this.#names[Atomics.load(control, CONTROL.failedKernel) % this.#names.length];
    this.#fail(`thread ${thread} of ${this.size} failed in kernel ${kernel}`);
  }

  #fail(what: string): never {
    this.#failed = new WasmThreadError("wasm threads", what);
    throw this.#failed;
  }
}

/** The first of the control words of a thread. */
function listOf(thread: number): number {
  return CONTROL.lists + LIST_WORDS * thread;
}

/** A short sleep until the word changes, or none at all where the runtime forbids it (a page). */
function sleep(control: Int32Array, word: number): void {
  try {
    Atomics.wait(control, word, Atomics.load(control, word), 1);
  } catch {
    // The main thread of a page may not sleep; it goes on looking.
  }
}
