/**
 * Draws the FLOPs of a plan as an SVG picture.
 * @module
 */
import { SCHEDULES, type Schedule } from "./flops.ts";
import { COLOURS, lineChart } from "./line-chart.ts";
import type { Plan } from "./plan.ts";
import { digits, tokens } from "./units.ts";

const CURVES: Readonly<Record<Schedule, { readonly colour: string; readonly label: string }>> = {
  dense: { colour: COLOURS.vermilion, label: "dense" },
  dsaEveryLayer: { colour: COLOURS.blue, label: "DSA in all layers" },
  indexShare: { colour: COLOURS.green, label: "IndexShare" },
};

/** The SVG text of a chart of FLOPs per token against context. Both axes are logarithmic. */
export function renderSvg({ name, curve }: Plan): string {
  const all = curve.flatMap(({ gflopPerToken: g }) => SCHEDULES.map((s) => Math.log10(g[s])));
  const [low, high] = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))];
  const height = (log: number): number => (log - low) / Math.max(1, high - low);
  return lineChart({
    title: `GFLOP for one token against context: ${name}`,
    points: curve.map(({ context }) => tokens(context)),
    lines: Array.from({ length: high - low + 1 }, (_, i) => ({
      height: height(low + i),
      label: digits(10 ** (low + i)),
    })),
    curves: SCHEDULES.map((id) => ({
      id,
      ...CURVES[id],
      heights: curve.map(({ gflopPerToken: g }) => height(Math.log10(g[id]))),
    })),
  });
}
