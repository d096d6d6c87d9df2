/**
 * Draws curves over a row of points as an SVG picture.
 * @module
 */
import { escaped } from "../library/escape.ts";
import { apart } from "./apart.ts";

const [WIDTH, HEIGHT] = [720, 420];

/** The borders of the area with the curves. */
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 570, 50, 370];

/** The smallest distance between two labels. */
const LABEL = 15;

/** Colours that colour-blind people can tell apart (Okabe and Ito). */
export const COLOURS = {
  vermilion: "#d55e00",
  blue: "#0072b2",
  green: "#009e73",
  purple: "#cc79a7",
  sky: "#56b4e9",
  orange: "#e69f00",
} as const;

/** One curve. */
export interface Curve {
  /** What the picture calls it inside. */
  readonly id: string;
  /** What stands at its right end. */
  readonly label: string;
  readonly colour: string;
  readonly isDashed?: boolean;
  /** A height for each point: 0 is the lower border, 1 the upper one. */
  readonly heights: readonly number[];
}

/** What is drawn. */
export interface Chart {
  readonly title: string;
  /** What stands below each point. */
  readonly points: readonly string[];
  /** Horizontal lines with their labels. */
  readonly lines: readonly { readonly height: number; readonly label: string }[];
  readonly curves: readonly Curve[];
}

/** The SVG text of a chart. */
export function lineChart({ title, points, lines, curves }: Chart): string {
  const x = (i: number): number =>
    round(LEFT + ((RIGHT - LEFT) * i) / Math.max(1, points.length - 1));
  const y = (height: number): number => round(BOTTOM - (BOTTOM - TOP) * height);
  const labels = apart(
    curves.map(({ heights }) => y(heights[heights.length - 1])),
    LABEL,
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 28, title, "start", "#000"),
    ...lines.map(
      ({ height, label }) =>
        `<line x1="${LEFT}" x2="${RIGHT}" y1="${y(height)}" y2="${y(height)}" stroke="#ddd"/>` +
        text(LEFT - 8, y(height) + 4, label, "end"),
    ),
    ...points.map((label, i) => text(x(i), BOTTOM + 20, label, "middle")),
    ...curves.map(({ id, label, colour, isDashed, heights }, c) => {
      const at = heights.map((height, i) => `${x(i)},${y(height)}`).join(" ");
      const dashes = isDashed ? ' stroke-dasharray="5 4"' : "";
      return (
        `<polyline id="${id}" points="${at}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>` +
        text(RIGHT + 8, labels[c] + 4, label, "start", colour)
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
