/**
 * Draws how many times as fast as llama.cpp this engine is, from the results of a race: a row for each task and
 * format, a dot for each series, and its number beside it. The axis is logarithmic.
 * @module
 */
import { escaped } from "../../tools/library/escape.ts";
import { find, isCompared, nameOf, questionsOf, type Result, seriesOf } from "./results.ts";

const [ROW, TOP, LEFT, PLOT, COLUMN] = [22, 70, 170, 400, 62];

/** Colours that colour-blind people can tell apart, on white and on black (after Okabe and Ito). */
const COLOURS = ["#e69f00", "#3a8fd0", "#d55e00", "#009e73", "#cc79a7", "#888888"];

/** Words and lines are dark on white, and light where the page is dark. */
const STYLE = `text { fill: #24292f } line { stroke: #c8ccd0 } .one { stroke: #24292f }
@media (prefers-color-scheme: dark) { text { fill: #d0d7de } line { stroke: #444c56 } .one { stroke: #d0d7de } }`;

/** The SVG text of the picture. */
export function renderRatios(rows: readonly Result[]): string {
  const compared = rows.filter(isCompared);
  const [series, questions] = [seriesOf(compared), questionsOf(compared)];
  const ratios = compared.map((row) => Number(row["times llama.cpp"]));
  const low = Math.floor(Math.log2(Math.min(1 / 2, ...ratios)));
  const high = Math.ceil(Math.log2(Math.max(2, ...ratios)));
  const x = (ratio: number): number =>
    Math.round(LEFT + (PLOT * (Math.log2(ratio) - low)) / (high - low));
  const y = (i: number): number => TOP + ROW * i;
  const column = (s: number): number => LEFT + PLOT + 20 + COLUMN * (s + 1);
  const height = y(questions.length) + ROW * (series.length + 1);
  const powers = Array.from({ length: high - low + 1 }, (_, i) => 2 ** (low + i));
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${column(series.length)} ${height}" role="img" font-family="sans-serif" font-size="12">`,
    "<title>Speed of this engine, in times the speed of llama.cpp</title>",
    `<style>${STYLE}</style>`,
    label(LEFT, 24, "times the speed of llama.cpp; further right is faster", "start"),
    ...powers.flatMap((power) => [
      `<line${power === 1 ? ' class="one"' : ""} x1="${x(power)}" x2="${x(power)}" y1="${TOP - 14}" y2="${y(questions.length) - 10}"/>`,
      label(x(power), TOP - 20, power < 1 ? `1/${1 / power}` : `${power}`, "middle"),
    ]),
    ...questions.flatMap((question, i) => [
      label(LEFT - 12, y(i) + 4, `${question.type}, ${question.what}`, "end"),
      ...series.flatMap((one, s) => {
        const ratio = find(compared, one, question)?.["times llama.cpp"];
        if (ratio === undefined) return [];
        return [
          `<circle cx="${x(Number(ratio))}" cy="${y(i)}" r="5" fill="${COLOURS[s % COLOURS.length]}"/>`,
          label(column(s), y(i) + 4, ratio, "end"),
        ];
      }),
    ]),
    ...series.flatMap((one, s) => [
      `<circle cx="${column(s) - 14}" cy="${TOP - 24}" r="5" fill="${COLOURS[s % COLOURS.length]}"/>`,
      `<circle cx="${LEFT}" cy="${y(questions.length + s) + 8}" r="5" fill="${COLOURS[s % COLOURS.length]}"/>`,
      label(LEFT + 14, y(questions.length + s) + 12, nameOf(one), "start"),
    ]),
    "</svg>",
  ].join("\n")}\n`;
}

function label(x: number, y: number, text: string, anchor: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(text)}</text>`;
}
