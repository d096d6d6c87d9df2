/**
 * Prints an evaluation as tables for people.
 * @module
 */
import type { Cell, Evaluation } from "./evaluate.ts";
import { LRU_ROOMS, type Observed } from "./observe.ts";

/** The table of answers, and two tables for each text whose selections were observed. */
export function evaluationText({ cells, worst, selections }: Evaluation): string {
  const lines = [
    "task         length  depth  exact  95 %           tokens",
    ...cells.map(cellLine),
  ];
  if (worst) lines.push(`fewest right tokens: ${cellLine(worst).replace(/ +/g, " ")}`);
  return `${[...lines, ...selections.flatMap(selectionLines)].join("\n")}\n`;
}

function cellLine({ task, length, depth, exact, interval, tokens }: Cell): string {
  const [low, high] = interval.map((x) => x.toFixed(2));
  return [
    task.padEnd(11),
    String(length).padStart(7),
    (depth === undefined ? "" : `${depth} %`).padStart(6),
    exact.toFixed(2).padStart(6),
    ` ${low} … ${high}`,
    tokens.toFixed(2).padStart(8),
  ].join(" ");
}

function selectionLines({ length, k, from, layers, mass }: Observed): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(0)}`.padStart(4);
  const heads = layers.map(({ layer }) => String(layer).padStart(4)).join("");
  return [
    "",
    `selections, ${length} tokens, k = ${k}, queries from ${from} on; percent`,
    `layer | same as layer${heads} | as before, moved | needle | not hot, room ${LRU_ROOMS.join(" ")} k`,
    ...layers.map(
      (own) =>
        `${String(own.layer).padStart(5)} |              ${own.overlap.map(percent).join("")} |  ${percent(own.temporal)}     ${percent(own.temporalMoved)}  |   ${percent(own.needleRecall)} | ${own.lruMisses.map(percent).join("")}`,
    ),
    "layer | attention on the choice, least and mean",
    ...mass.map(
      ({ layer, type, least, mean }) =>
        `${String(layer).padStart(5)} | ${percent(least)} ${percent(mean)}  ${type}`,
    ),
  ];
}
