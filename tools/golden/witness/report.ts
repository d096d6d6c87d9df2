/**
 * A judgement of log-probabilities as text for people.
 * @module
 */
import type { ExpectedLogprobs, LogprobJudgement } from "./judge-logprobs.ts";

/** Positions that are named before the list is cut. */
const LONGEST_LIST = 8;

/**
 * What was compared, how far the worst is off, and where it begins.
 *
 * @param indexTopk how many rows the case's indexers choose. In shorter texts they choose all rows
 */
export function renderLogprobs(
  { positions, firstOff, bound, worst }: LogprobJudgement,
  { name, engineClass }: ExpectedLogprobs,
  who: string,
  indexTopk: number,
): string {
  const counts = positions.map(({ compared }) => compared);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const perPosition = least === most ? String(least) : `${least} to ${most}`;
  const count = (verdict: string) => positions.filter((p) => p.verdict === verdict).length;
  const lines = [
    `${name} by ${who}: ${positions.length} positions, ${perPosition} log-probabilities of each`,
    `largest difference ${worst.largest.toPrecision(3)} at position ${worst.position}, of ${bound.toPrecision(3)} that rounding in ${engineClass} allows`,
  ];
  const told = positions.filter(({ sentence }) => sentence !== undefined);
  for (const { position, sentence } of told.slice(0, LONGEST_LIST)) {
    lines.push(`position ${position}: ${sentence}`);
  }
  if (told.length > LONGEST_LIST) lines.push(`and ${told.length - LONGEST_LIST} positions more`);
  if (firstOff === undefined) {
    const nTies = count("tie");
    const more = nTies > 0 ? `, ${nTies} of them explained by rounding` : "";
    lines.push(`ok: ${positions.length} positions of ${name}${more}`);
  } else {
    if (firstOff >= indexTopk) {
      lines.push(
        `Up to position ${indexTopk - 1} the indexer leaves nothing out (index_topk ${indexTopk}), and all is right: look there first.`,
      );
    }
    lines.push(
      `OFF at position ${firstOff}, with ${firstOff + 1} tokens; ${count("off")} of ${positions.length} positions are off`,
    );
  }
  return `${lines.join("\n")}\n`;
}
