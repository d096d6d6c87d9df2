/**
 * What a thread of the team does: it waits for a list of kernel calls, makes these calls, and says that
 * it is done.
 *
 * {@link serve} uses nothing but its argument. It is started from its own text, so there is no
 * second file that a bundler, a runtime or a package would have to find.
 * @module
 */
import type { SharedModule } from "./bank.ts";

/** Places in the control words, which all threads share. */
export const CONTROL = {
  /** Counts the lists; changing it starts the threads. */
  epoch: 0,
  /** Threads that are done with this list. */
  done: 1,
  /** Threads that sleep until the epoch changes. */
  sleepers: 2,
  /** Number of the thread that failed, 0 if none. */
  failedThread: 3,
  /** The kernel that it failed in, by its place among the exports of all memories. */
  failedKernel: 4,
  /** From here on two words for each thread: where its list begins in f64s, and how long it is. */
  lists: 5,
} as const;

/** Length of a list that ends the thread. */
export const STOP = -1;

/** What a thread is started with. */
export interface ThreadData extends SharedModule {
  /** The words by which threads wake each other. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Which word is which. */
  readonly at: typeof CONTROL;
  /** From 1 on; 0 is the thread that made the others. */
  readonly thread: number;
  /** How many looks at the epoch before it sleeps. */
  readonly spins: number;
}

/**
 * Serves lists until one of length {@link STOP} comes. Lists stand in the first memory; a list is calls
 * of kernels one after the other: which kernel, how many arguments, and these.
 */
export function serve(data: ThreadData): void {
  const { module, memories, isWide, control, at, thread, spins } = data;
  const tiles = { WIDE: Number(isWide) };
  const kernels = (memories as readonly WebAssembly.Memory[]).flatMap((memory) =>
    Object.values(new WebAssembly.Instance(module, { env: { memory }, tiles }).exports),
  ) as ((...args: number[]) => void)[];
  const numbers = new Float64Array(memories[0].buffer);
  const mine = at.lists + 2 * thread;
  const nOthers = (control.length - at.lists) / 2 - 1;
  for (let epoch = 0; ; epoch++) {
    for (let i = 0; Atomics.load(control, at.epoch) === epoch; i++) {
      if (i < spins) continue;
      Atomics.add(control, at.sleepers, 1);
      Atomics.wait(control, at.epoch, epoch);
      Atomics.sub(control, at.sleepers, 1);
    }
    const length = control[mine + 1];
    if (length < 0) return;
    let place = control[mine];
    const end = place + length;
    let kernel = 0;
    try {
      while (place < end) {
        kernel = numbers[place];
        const from = place + 2;
        place = from + numbers[place + 1];
        kernels[kernel](...numbers.subarray(from, place));
      }
    } catch {
      Atomics.store(control, at.failedKernel, kernel);
      Atomics.store(control, at.failedThread, thread);
    }
    if (Atomics.add(control, at.done, 1) + 1 === nOthers) Atomics.notify(control, at.done);
  }
}
