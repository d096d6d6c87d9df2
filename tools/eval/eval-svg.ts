/**
 * Draws an evaluation as one SVG picture with three charts: how many needles were found by length
 * and depth; and, for the longest text, how similar the selections of the layers are, and how often
 * a cache of the rows used last would miss.
 * @module
 */
import type { Cell, Evaluation } from "./evaluate.ts";
import { LRU_ROOMS, type Observed } from "./observe.ts";

const [WIDTH, HEIGHT, TOP, SIDE] = [960, 340, 60, 220];
const LEFTS = [60, 380, 700] as const;

/** The SVG text of the picture. */
export function evaluationSvg({ cells, selections }: Evaluation): string {
  const needles = cells.filter(({ task }) => task === "needle");
  const longest = selections.at(-1);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="sans-serif" font-size="12">`,
    "<title>Long-context evaluation</title>",
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...(needles.length > 0 ? heatMap(needles) : []),
    ...(longest ? [...overlaps(longest), ...misses(longest)] : []),
    "</svg>",
  ].join("\n")}\n`;
}

function heatMap(cells: readonly Cell[]): string[] {
  const lengths = [...new Set(cells.map(({ length }) => length))];
  const depths = [...new Set(cells.map(({ depth = 0 }) => depth))];
  const [left, width, height] = [LEFTS[0], SIDE / lengths.length, SIDE / depths.length];
  return [
    label(left, 30, "needle: share of right tokens", "start"),
    ...cells.flatMap(({ length, depth = 0, tokens }) => {
      const x = left + width * lengths.indexOf(length);
      const y = TOP + height * depths.indexOf(depth);
      return square(x, y, width, height, tokens);
    }),
    ...lengths.map((n, i) => label(left + width * (i + 0.5), TOP + SIDE + 18, String(n), "middle")),
    ...depths.map((d, i) => label(left - 6, TOP + height * (i + 0.5) + 4, `${d} %`, "end")),
  ];
}

function overlaps({ layers, length }: Observed): string[] {
  const [left, cell] = [LEFTS[1], SIDE / layers.length];
  return [
    label(left, 30, `same choice, layer by layer, ${length} tokens`, "start"),
    ...layers.flatMap(({ layer, overlap }, i) => [
      label(left - 6, TOP + cell * (i + 0.5) + 4, String(layer), "end"),
      label(left + cell * (i + 0.5), TOP + SIDE + 18, String(layer), "middle"),
      ...overlap.flatMap((share, j) => square(left + cell * j, TOP + cell * i, cell, cell, share)),
    ]),
  ];
}

function misses({ layers }: Observed): string[] {
  const left = LEFTS[2];
  const x = (i: number): number => Math.round(left + (SIDE * i) / (LRU_ROOMS.length - 1));
  const y = (share: number): number => Math.round(TOP + SIDE * (1 - share));
  return [
    label(left, 30, "chosen rows that a cache of n k lacks", "start"),
    ...[0, 0.5, 1].flatMap((share) => [
      `<line x1="${left}" x2="${left + SIDE}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd"/>`,
      label(left - 6, y(share) + 4, `${100 * share} %`, "end"),
    ]),
    ...LRU_ROOMS.map((room, i) => label(x(i), TOP + SIDE + 18, String(room), "middle")),
    ...layers.flatMap(({ layer, lruMisses }) => {
      const points = lruMisses.map((share, i) => `${x(i)},${y(share)}`).join(" ");
      return [
        `<polyline points="${points}" fill="none" stroke="#0072b2" stroke-width="1.5"/>`,
        label(left + 6, y(lruMisses[0]) - 4, `layer ${layer}`, "start", "#0072b2"),
      ];
    }),
  ];
}

/** A square of the heat map: dark for 1, white for 0, with the number in it. */
function square(x: number, y: number, width: number, height: number, share: number): string[] {
  const light = Math.round(97 - 60 * share);
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="hsl(205 70% ${light}%)" stroke="#fff"/>`,
    label(
      x + width / 2,
      y + height / 2 + 4,
      share.toFixed(2),
      "middle",
      share > 0.5 ? "#fff" : "#333",
    ),
  ];
}

function label(x: number, y: number, text: string, anchor: string, colour = "#333"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${colour}">${text}</text>`;
}
