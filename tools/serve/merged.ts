/**
 * Several streams as one: some run at the same time, and each item comes when it is there.
 * @module
 */

/** How streams are merged. */
export interface MergeRules {
  /** Most streams that run at the same time. */
  readonly atOnce: number;
  /**
   * Whether a stream that fails with this error before its first item is to be tried again when another
   * one has ended. Where no other runs, the error counts.
   */
  readonly canWait: (error: unknown) => boolean;
}

/** What a stream has come to. */
interface Step<T> {
  readonly from: Running<T>;
  readonly result?: IteratorResult<T>;
  readonly error?: unknown;
}

interface Running<T> {
  readonly number: number;
  readonly items: AsyncIterator<T>;
  hasBegun: boolean;
  next: Promise<Step<T>>;
}

/** Merges streams, which are opened as they come to run, in their order. */
export async function* merged<T>(
  streams: readonly (() => AsyncIterable<T>)[],
  { atOnce, canWait }: MergeRules,
): AsyncGenerator<T, void> {
  const waiting = [...streams.keys()];
  const running = new Set<Running<T>>();
  let most = atOnce;
  const read = (from: Running<T>): Promise<Step<T>> =>
    from.items.next().then(
      (result) => ({ from, result }),
      (error: unknown) => ({ from, error }),
    );
  const start = () => {
    const number = waiting.shift();
    if (number === undefined) return;
    const items = streams[number]()[Symbol.asyncIterator]();
    const stream = { number, items, hasBegun: false } as Running<T>;
    stream.next = read(stream);
    running.add(stream);
  };
  try {
    for (;;) {
      while (running.size < most && waiting.length > 0) start();
      if (running.size === 0) return;
      const { from, result, error } = await Promise.race([...running].map(({ next }) => next));
      if (result && !result.done) {
        from.hasBegun = true;
        from.next = read(from);
        yield result.value;
        continue;
      }
      running.delete(from);
      if (result) continue;
      if (from.hasBegun || running.size === 0 || !canWait(error)) throw error;
      waiting.unshift(from.number);
      most = running.size;
    }
  } finally {
    await Promise.all([...running].map(({ items }) => items.return?.()));
  }
}
