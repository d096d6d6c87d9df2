/**
 * Draws one selection as a map, with a line for each query and a column for each position. Grey is what
 * both sides chose, red what only the dump chose, blue what only the model chose.
 *
 * Next: html.ts
 * @module
 */

import { escaped } from "../../library/escape.ts";
import type { GoldenTensor } from "../case/case.ts";
import { firstOtherRow, rowSet } from "../judge/row-sets.ts";

/** How many queries are drawn at most, from a little before the first difference on. */
const QUERIES = 160;

const BEFORE = 8;

const [WIDTH, LINE, LEFT, TOP] = [720, 4, 60, 24];

const COLOURS = { both: "#bbbbbb", got: "#d73027", want: "#2166ac" } as const;

/** The map as SVG, or nothing when all sets are equal. */
export function selectionMap(
  name: string,
  got: GoldenTensor,
  want: GoldenTensor,
): string | undefined {
  const [nRows, width] = want.shape;
  const first = firstOtherRow(got, want);
  if (first === nRows) return undefined;
  const from = Math.max(0, first - BEFORE);
  const to = Math.min(nRows, from + QUERIES);
  let nS = 1;
  for (const s of want.data) nS = Math.max(nS, s + 1);
  const unit = (WIDTH - LEFT) / nS;
  const lines = Array.from({ length: to - from }, (_, i) => {
    const [g, w] = [rowSet(got, from + i, width), rowSet(want, from + i, width)];
    const kind = (s: number): keyof typeof COLOURS | undefined =>
      g.has(s) ? (w.has(s) ? "both" : "got") : w.has(s) ? "want" : undefined;
    return runsOf(nS, kind)
      .map(({ start, end, value }) => {
        const box = `x="${(LEFT + start * unit).toFixed(1)}" y="${TOP + i * LINE}"`;
        const size = `width="${Math.max(0.8, (end - start) * unit).toFixed(1)}" height="${LINE - 0.5}"`;
        return `<rect ${box} ${size} fill="${COLOURS[value]}"/>`;
      })
      .join("");
  });
  const height = TOP + (to - from) * LINE + 8;
  const labels = [
    `<text x="${LEFT}" y="14">${escaped(name)}: positions 0 … ${nS - 1}</text>`,
    `<text x="${LEFT - 6}" y="${TOP + 8}" text-anchor="end">${from}</text>`,
    `<text x="${LEFT - 6}" y="${height - 8}" text-anchor="end">${to - 1}</text>`,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" role="img" aria-label="chosen positions by query">${labels.join("")}${lines.join("")}</svg>`;
}

/** Joins neighbours of the same kind to runs. */
function runsOf<V>(
  n: number,
  kind: (i: number) => V | undefined,
): { start: number; end: number; value: V }[] {
  const runs: { start: number; end: number; value: V }[] = [];
  for (let i = 0; i < n; i++) {
    const value = kind(i);
    if (value === undefined) continue;
    const last = runs.at(-1);
    if (last && last.end === i && last.value === value) last.end = i + 1;
    else runs.push({ start: i, end: i + 1, value });
  }
  return runs;
}
