/** How many tokens at the beginning of two texts are the same. */
export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return same;
}
