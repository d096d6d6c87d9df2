/**
 * The results of the agent suite as a table.
 * @module
 */
import type { AgentEvaluation, Tally } from "./suite.ts";

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function line({ measure, right, asked, interval: [low, high] }: Tally): string {
  const share = asked === 0 ? "-" : percent(right / asked);
  const range = asked === 0 ? "" : `${percent(low)} … ${percent(high)}`;
  return `  ${measure.padEnd(34)} ${share.padStart(8)}  ${`${right}/${asked}`.padStart(11)}  ${range}`;
}

/** Returns a table of the tallies, with Wilson's 95 % intervals. */
export function suiteText({ tallies, samples, seed }: AgentEvaluation): string {
  const head = `Agent suite: ${samples} dialogues of each skill, seed ${seed}\n\n`;
  return `${head}${tallies.map(line).join("\n")}\n`;
}
