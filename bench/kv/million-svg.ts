/**
 * Draws the chart of million.ts: milliseconds against context. Both axes are logarithmic; dots are
 * measured values, and lines are predicted values.
 * @module
 */

/** Milliseconds by schedule. */
type Costs = Readonly<Record<"dense" | "dsa" | "share", number>>;

/** The costs at one length of context. */
export interface Point {
  readonly n: number;
  readonly measured: Costs;
  readonly predicted: Costs;
}

const [WIDTH, HEIGHT] = [720, 420];
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 570, 50, 370];

/** Colours that colour-blind people can tell apart (Okabe and Ito). */
const CURVES = [
  ["dense", "#d55e00", "dense"],
  ["dsa", "#0072b2", "DSA in all layers"],
  ["share", "#009e73", "IndexShare"],
] as const;

/** The SVG text of the chart. */
export function renderMillion(points: readonly Point[]): string {
  const logs = points.flatMap(({ measured, predicted }) =>
    [...Object.values(measured), ...Object.values(predicted)].map(Math.log10),
  );
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  const x = (i: number): number => Math.round(LEFT + ((RIGHT - LEFT) * i) / (points.length - 1));
  const y = (ms: number): number =>
    Math.round(BOTTOM - ((BOTTOM - TOP) * (Math.log10(ms) - low)) / (high - low));
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const last = points[points.length - 1];
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="sans-serif" font-size="12">`,
    "<title>Milliseconds of one step of four layers against context</title>",
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    label(
      LEFT,
      28,
      "ms for one token in four layers, against context: dots measured, lines predicted",
      "start",
    ),
    ...decades.flatMap((ms) => [
      `<line x1="${LEFT}" x2="${RIGHT}" y1="${y(ms)}" y2="${y(ms)}" stroke="#ddd"/>`,
      label(LEFT - 8, y(ms) + 4, String(ms), "end"),
    ]),
    ...points.map(({ n }, i) => label(x(i), BOTTOM + 20, `${n / 1024}K`, "middle")),
    ...CURVES.flatMap(([key, colour, name]) => [
      `<polyline points="${points.map(({ predicted }, i) => `${x(i)},${y(predicted[key])}`).join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...points.map(
        ({ measured }, i) =>
          `<circle cx="${x(i)}" cy="${y(measured[key])}" r="4" fill="${colour}"/>`,
      ),
      label(RIGHT + 10, y(last.measured[key]) + 4, name, "start", colour),
    ]),
    "</svg>",
  ].join("\n")}\n`;
}

function label(x: number, y: number, text: string, anchor: string, colour = "#333"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${colour}">${text}</text>`;
}
