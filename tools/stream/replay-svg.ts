/**
 * Draws a replay as an SVG picture: hits against slots.
 * @module
 */
import { COLOURS, lineChart } from "../inspect/line-chart.ts";
import type { Policy } from "./cache-policies.ts";
import { hitShare, type Replay } from "./replay.ts";
import { nameOf, shown } from "./replay-text.ts";

const COLOUR: Readonly<Record<Policy, string>> = {
  lru: COLOURS.blue,
  slru: COLOURS.green,
  lfru: COLOURS.purple,
  belady: COLOURS.vermilion,
};

/** The SVG text of a chart of hits against slots. A cache that all layers share has a dashed curve. */
export function replaySvg({ model, caches, tokens }: Replay): string {
  const slots = [...new Set(caches.map((cache) => cache.slots))];
  const names = [...new Set(caches.map(nameOf))];
  const n = tokens.decode > 0 ? tokens.decode : tokens.prefill;
  return lineChart({
    title: `hits against slots for each layer: ${model}, ${n} tokens`,
    points: slots.map(String),
    lines: [0, 0.25, 0.5, 0.75, 1].map((height) => ({ height, label: `${100 * height} %` })),
    curves: names.map((name) => {
      const own = caches.filter((cache) => nameOf(cache) === name);
      const [{ policy, scope }] = own;
      return {
        id: `${policy}-${scope}`,
        label: name,
        colour: COLOUR[policy],
        isDashed: scope === "global",
        heights: own.map((cache) => hitShare(shown(cache)) || 0),
      };
    }),
  });
}
