/**
 * Draws all stages of a dump as a map. It has a row for each kind of stage and a column for each layer.
 * The colour tells how far the stage is off, and the first stage that is off has a frame.
 *
 * Next: selection-map.ts
 * @module
 */
import { parseStage } from "../../../engine/trace/stage-names.ts";
import { escaped } from "../../library/escape.ts";
import type { Judgement, StageResult } from "../judge/judge.ts";

const [CELL, LEFT, TOP] = [22, 170, 26];

/** Column of the stages that have no layer. */
const NO_LAYER = "";

/** The map as SVG. */
export function heatMap({ stages, firstOff }: Judgement): string {
  const cells = stages.map((stage) => ({ stage, ...placeOf(stage.name) }));
  const kinds = [...new Set(cells.map(({ kind }) => kind))];
  const layers = [...new Set(cells.map(({ layer }) => layer))].sort(
    (a, b) => Number(a) - Number(b),
  );
  const [width, height] = [LEFT + layers.length * CELL + 8, TOP + kinds.length * CELL + 8];
  const x = (layer: string) => LEFT + layers.indexOf(layer) * CELL;
  const y = (kind: string) => TOP + kinds.indexOf(kind) * CELL;
  const columns = layers.map(
    (layer) =>
      `<text x="${x(layer) + CELL / 2}" y="${TOP - 8}" text-anchor="middle">${layer}</text>`,
  );
  const rows = kinds.map(
    (kind) => `<text x="${LEFT - 8}" y="${y(kind) + 15}" text-anchor="end">${escaped(kind)}</text>`,
  );
  const boxes = cells.map(({ stage, kind, layer }) => {
    const isFirst = stage.name === firstOff;
    const frame = isFirst ? ' stroke="#000" stroke-width="3"' : "";
    const box = `x="${x(layer) + 1}" y="${y(kind) + 1}" width="${CELL - 2}" height="${CELL - 2}"`;
    const title = `<title>${escaped(`${stage.name}: ${inWords(stage)}`)}</title>`;
    return `<rect ${box} rx="3" fill="${colourOf(stage)}"${frame}>${title}</rect>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" role="img" aria-label="error over bound by stage and layer">${columns.join("")}${rows.join("")}${boxes.join("")}</svg>`;
}

function placeOf(name: string): { kind: string; layer: string } {
  const { stage, number } = parseStage(name);
  return { kind: stage, layer: number === undefined ? NO_LAYER : String(number) };
}

/** What the colour of a stage stands for, shown to people who point at it. */
export function inWords({ verdict, errorOverBound, selection, sentence }: StageResult): string {
  if (verdict === "missing") return "not in the dump";
  const judged = verdict === "after" ? "after the first wrong stage" : verdict;
  if (selection) {
    const { equal, explained, unexplained } = selection;
    return `${judged}; rows: ${equal} equal, ${explained} explained, ${unexplained} unexplained`;
  }
  if (errorOverBound === undefined) return sentence ?? judged;
  return `${judged}; error ${errorOverBound.toPrecision(2)} times its bound`;
}

/** Grey: not in the dump. Green: within the bound. Yellow to dark red: off, by powers of ten. */
export function colourOf(stage: StageResult): string {
  const { verdict, errorOverBound, selection, sentence, rows = 0, of = 0 } = stage;
  if (verdict === "missing") return "#e4e4e4";
  const over = selection ? 10 * selection.unexplained : errorOverBound;
  if (over === undefined) return sentence === undefined ? "#7fbf7b" : "#7f0000";
  if (over <= 1 && verdict === "after" && rows < of) return "#edf5ea";
  if (over <= 1) return verdict === "explained" ? "#b8dcae" : "#7fbf7b";
  const steps = ["#fee391", "#fe9929", "#d95f0e", "#b30000", "#7f0000"];
  return steps[Math.min(steps.length - 1, Math.floor(Math.log10(over)))];
}
