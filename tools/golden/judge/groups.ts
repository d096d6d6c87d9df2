/**
 * Experts in groups: the groups whose two best scores have the largest sums are open, and the experts
 * are chosen in open groups only. Which experts can a right engine choose whose scores are off by
 * rounding?
 *
 * A choice is possible where some groups can be open that hold it: no closed group must have a larger
 * sum than one of them, and no expert of theirs that is left out a larger score than one that is
 * chosen, each by more than the bounds of the scores. All ways to open groups are tried.
 *
 * Next: selections.ts
 * @module
 */
import type { ModelConfig } from "../../../engine/index.ts";
import { parseStage } from "../../../engine/trace/stage-names.ts";

/** Groups of experts, of which the best are open. */
export interface Groups {
  /** Experts of a group. */
  readonly size: number;
  /** How many groups are open. */
  readonly open: number;
}

/** The groups that the choice `name` is made in; undefined where there is one group or none. */
export function openGroups(
  name: string,
  { nGroup, topkGroup, nRoutedExperts }: ModelConfig,
): Groups | undefined {
  if (parseStage(name).stage !== "ffn_moe_topk" || nGroup === 1) return undefined;
  return { size: nRoutedExperts / nGroup, open: topkGroup };
}

/**
 * Whether rounding can choose the experts of a row.
 *
 * @param least the smallest score that each expert can have
 * @param most  the largest
 */
export function isPossible(
  chosen: ReadonlySet<number>,
  least: readonly number[],
  most: readonly number[],
  { size, open }: Groups,
): boolean {
  const groups = Array.from({ length: least.length / size }, (_, g) => g);
  const sums = (scores: readonly number[]): number[] =>
    groups.map((g) => {
      const [first, second = 0] = scores.slice(g * size, (g + 1) * size).sort((a, b) => b - a);
      return first + second;
    });
  const [leastSums, mostSums] = [sums(least), sums(most)];
  const groupOf = (expert: number): number => Math.floor(expert / size);
  const needed = [...new Set([...chosen].map(groupOf))];
  const lowest = Math.min(...[...chosen].map((expert) => most[expert]));
  const isBelow = (expert: number): boolean => chosen.has(expert) || least[expert] <= lowest;
  const fits = (isOpen: ReadonlySet<number>): boolean => {
    const worst = Math.min(...[...isOpen].map((g) => mostSums[g]));
    return (
      groups.every((g) => isOpen.has(g) || leastSums[g] <= worst) &&
      least.every((_, expert) => !isOpen.has(groupOf(expert)) || isBelow(expert))
    );
  };
  const others = groups.filter((g) => !needed.includes(g));
  return subsets(others, open - needed.length).some((more) => fits(new Set([...needed, ...more])));
}

/** All subsets of `n` entries; none for a negative `n`. */
function subsets(list: readonly number[], n: number): number[][] {
  if (n < 0 || n > list.length) return [];
  if (n === 0) return [[]];
  const [first, ...rest] = list;
  return [...subsets(rest, n - 1).map((some) => [first, ...some]), ...subsets(rest, n)];
}
