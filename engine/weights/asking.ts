/**
 * Loading is a conversation: a loader asks for one thing after the other, by its name, and is given each.
 * So the same loader serves those who wait for promises and those who cannot wait.
 * @module
 */

/** Asks for things of type `A` by name, and returns a `W` in the end. */
export type Asking<A, W> = Generator<string, W, A>;

/** Answers with what promises bring. */
export async function answered<A, W>(
  answer: (name: string) => Promise<A>,
  asking: Asking<A, W>,
): Promise<W> {
  let asked = asking.next();
  while (!asked.done) asked = asking.next(await answer(asked.value));
  return asked.value;
}

/** Answers at once. */
export function answeredNow<A, W>(answer: (name: string) => A, asking: Asking<A, W>): W {
  let asked = asking.next();
  while (!asked.done) asked = asking.next(answer(asked.value));
  return asked.value;
}
