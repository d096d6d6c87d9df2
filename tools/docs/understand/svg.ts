/**
 * The few shapes that the pictures of docs/understand.md are made of. A picture brings its own white
 * ground, so that it can be read on a light page and on a dark one.
 * @module
 */
import { escaped } from "../../library/escape.ts";

/** Colours that colour-blind people can tell apart (Okabe and Ito), and greys. */
export const COLOUR = {
  ink: "#1f2328",
  soft: "#57606a",
  grid: "#d8dee4",
  pale: "#c3cad2",
  blue: "#0072b2",
  orange: "#d55e00",
  green: "#009e73",
} as const;

/** Width of every picture. */
export const WIDTH = 880;

/** How a word stands. */
export interface TextStyle {
  readonly size?: number;
  readonly fill?: string;
  readonly anchor?: "start" | "middle" | "end";
  readonly isBold?: boolean;
}

/** A whole picture. */
export function svg(height: number, title: string, parts: readonly string[]): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" role="img" aria-labelledby="title">`,
    `<title id="title">${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" rx="8" fill="#ffffff" stroke="${COLOUR.pale}"/>`,
    ...parts,
    "</svg>",
  ].join("\n")}\n`;
}

/** Words that begin, end, or have their middle at `x`. */
export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { size = 13, fill = COLOUR.soft, anchor = "start", isBold = false } = style;
  const bold = isBold ? ' font-weight="bold"' : "";
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}" text-anchor="${anchor}"${bold}>${escaped(words)}</text>`;
}

/** The heading of a picture or of a part of it. */
export function heading(x: number, y: number, words: string): string {
  return text(x, y, words, { size: 15, fill: COLOUR.ink, isBold: true });
}

/** A filled rectangle. */
export function rect(x: number, y: number, w: number, h: number, fill: string, more = ""): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" fill="${fill}"${more && ` ${more}`}/>`;
}

/** A straight line. */
export function line(
  [x1, y1]: Point,
  [x2, y2]: Point,
  stroke: string = COLOUR.grid,
  more = "",
): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${stroke}"${more && ` ${more}`}/>`;
}

/** A place in the picture. */
export type Point = readonly [x: number, y: number];

/** A line through points. */
export function curve(points: readonly Point[], stroke: string, more = ""): string {
  const path = points.map((point) => point.map(round).join(",")).join(" ");
  return `<polyline points="${path}" fill="none" stroke="${stroke}" stroke-width="2"${more && ` ${more}`}/>`;
}

/** Many thin bars of one colour in one path: each goes from `from` to its own height. */
export function bars(points: readonly Point[], from: number, stroke: string, width = 1): string {
  const path = points.map(([x, y]) => `M${round(x)} ${round(from)}V${round(y)}`).join("");
  return `<path d="${path}" stroke="${stroke}" stroke-width="${width}" fill="none"/>`;
}

/** Many small squares of one colour in one path, each with its middle at a point. */
export function dots(points: readonly Point[], fill: string, size: number): string {
  const path = points
    .map(([x, y]) => `M${round(x - size / 2)} ${round(y - size / 2)}h${size}v${size}h${-size}z`)
    .join("");
  return `<path d="${path}" fill="${fill}"/>`;
}

/** A function from numbers in `[from, to]` to places in `[start, end]`. */
export function scale(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): (x: number) => number {
  return (x) => start + ((x - from) / (to - from)) * (end - start);
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}

/** The smallest distance between two labels. */
export const LABEL = 16;
