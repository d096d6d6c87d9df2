/**
 * A wait counts as so many milliseconds at most. A loop that waits looks at the clock every millisecond or so;
 * when much more seems to have passed, the process was suspended, or had no core.
 */
const LONGEST_STEP_MS = 20;

/**
 * Measures how long a loop has waited for somebody else. Each call returns the milliseconds since the first
 * one, but leaves out what passed while this process was suspended (Ctrl-Z, a laptop that sleeps): the
 * other side was suspended, too, so that time says nothing about it.
 */
export function awakeTime(now: () => number = () => performance.now()): () => number {
  let last = now();
  let waited = 0;
  return () => {
    const time = now();
    waited += Math.min(Math.max(0, time - last), LONGEST_STEP_MS);
    last = time;
    return waited;
  };
}
