/**
 * Draws the FLOPs of a plan as an SVG picture.
 * @module
 */

import { escaped } from "../library/escape.ts";
import { apart } from "./apart.ts";
import { SCHEDULES, type Schedule } from "./flops.ts";
import type { Plan } from "./plan.ts";
import { digits, tokens } from "./plan-text.ts";

const [WIDTH, HEIGHT] = [720, 420];

/** The borders of the area with the curves. */
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 570, 50, 370];

/** The smallest distance between two labels. */
const LABEL = 15;

/** Colours that colour-blind people can tell apart (Okabe and Ito). */
const CURVES: Readonly<Record<Schedule, readonly [colour: string, label: string]>> = {
  dense: ["#d55e00", "dense"],
  dsaEveryLayer: ["#0072b2", "DSA in all layers"],
  indexShare: ["#009e73", "IndexShare"],
};

/** The SVG text of a chart of FLOPs per token against context. Both axes are logarithmic. */
export function renderSvg({ name, curve }: Plan): string {
  const all = curve.flatMap(({ gflopPerToken: g }) => SCHEDULES.map((s) => Math.log10(g[s])));
  const [low, high] = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))];
  const x = (i: number): number =>
    round(LEFT + ((RIGHT - LEFT) * i) / Math.max(1, curve.length - 1));
  const y = (log: number): number =>
    round(BOTTOM - ((BOTTOM - TOP) * (log - low)) / Math.max(1, high - low));

  const decades = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const grid = decades.map(
    (log) =>
      `<line x1="${LEFT}" x2="${RIGHT}" y1="${y(log)}" y2="${y(log)}" stroke="#ddd"/>` +
      text(LEFT - 8, y(log) + 4, digits(10 ** log), "end"),
  );
  const ticks = curve.map(({ context }, i) => text(x(i), BOTTOM + 20, tokens(context), "middle"));
  const heightsOf = (s: Schedule) => curve.map(({ gflopPerToken: g }) => y(Math.log10(g[s])));
  const labels = apart(
    SCHEDULES.map((s) => heightsOf(s)[curve.length - 1]),
    LABEL,
  );
  const title = `GFLOP for one token against context: ${name}`;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 28, title, "start", "#000"),
    ...grid,
    ...ticks,
    ...SCHEDULES.map((schedule, s) => {
      const [colour, label] = CURVES[schedule];
      const points = heightsOf(schedule)
        .map((height, i) => `${x(i)},${height}`)
        .join(" ");
      return (
        `<polyline id="${schedule}" points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>` +
        text(RIGHT + 8, labels[s] + 4, label, "start", colour)
      );
    }),
    "</svg>",
  ].join("\n")}\n`;
}

function text(x: number, y: number, what: string, anchor: string, fill = "#444"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${fill}">${escaped(what)}</text>`;
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}
