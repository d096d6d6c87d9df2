/**
 * Heights of labels, moved down where two would cover each other.
 *
 * @param least the smallest distance between two of them
 */
export function apart(heights: readonly number[], least: number): number[] {
  const moved = [...heights];
  let free = Number.NEGATIVE_INFINITY;
  for (const i of heights.map((_, at) => at).sort((a, b) => heights[a] - heights[b])) {
    moved[i] = Math.max(heights[i], free);
    free = moved[i] + least;
  }
  return moved;
}
