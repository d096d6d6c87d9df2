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
  /** Threads that have a list now. */
  asked: 0,
  /** Those of them that are done with it. */
  done: 1,
  /** Threads that sleep until they get a list. */
  sleepers: 2,
  /** Number of the thread that failed, 0 if none. */
  failedThread: 3,
  /** The kernel that it failed in, by its place among the exports of all memories. */
  failedKernel: 4,
  /**
   * From here on three words for each thread: the number of its lists so far, where the last one begins in
   * f64s, and how long it is. Changing the first starts the thread.
   */
  lists: 5,
} as const;

/** Words of one thread. */
export const LIST_WORDS = 3;

/** Length of a list that ends the thread. */
export const STOP = -1;

/** What a thread is started with. */
export interface ThreadData extends SharedModule {
  /** The words by which threads wake each other. */
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Which word is which. */
  readonly at: typeof CONTROL;
  /** Words of one thread. */
  readonly listWords: number;
  /** From 1 on; 0 is the thread that made the others. */
  readonly thread: number;
  /** How many looks at its own word before it sleeps. */
  readonly spins: number;
}

/**
 * Serves lists until one of length {@link STOP} comes. Lists stand in the first memory; a list is calls
 * of kernels one after the other: which kernel, how many arguments, and these.
 */
export function serve(data: ThreadData): void {
  const { module, memories, isWide, control, at, listWords, thread, spins } = data;
  const tiles = { WIDE: Number(isWide) };
  const kernels = (memories as readonly WebAssembly.Memory[]).flatMap((memory) =>
    Object.values(new WebAssembly.Instance(module, { env: { memory }, tiles }).exports),
  ) as ((...args: number[]) => void)[];
  const numbers = new Float64Array(memories[0].buffer);
  const mine = at.lists + listWords * thread;
  for (let nLists = 0; ; nLists++) {
    for (let i = 0; Atomics.load(control, mine) === nLists; i++) {
      if (i < spins) continue;
      Atomics.add(control, at.sleepers, 1);
      Atomics.wait(control, mine, nLists);
      Atomics.sub(control, at.sleepers, 1);
    }
    const length = control[mine + 2];
    if (length < 0) return;
    let place = control[mine + 1];
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
    const nDone = Atomics.add(control, at.done, 1) + 1;
    if (nDone === control[at.asked]) Atomics.notify(control, at.done);
  }
}
