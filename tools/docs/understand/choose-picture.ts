/**
 * The scores of all positions in every indexer of the model, for the last token of a story.
 * @module
 */
import type { SeenLayer } from "../watch.ts";
import type { Story } from "./story.ts";
import { bars, COLOUR, heading, line, type Point, scale, svg, text, WIDTH } from "./svg.ts";

const [LEFT, RIGHT] = [140, WIDTH - 30];
/** Height of one strip, and of the room for it. */
const [STRIP, ROOM] = [84, 116];
const TOP = 70;

/** docs/understand/choose.svg */
export function choosePicture({ ids, fact, seen }: Story): string {
  const layers = seen.layers.flatMap((layer, l) => (layer.has("indexer_score") ? [l] : []));
  const x = scale([0, ids.length - 1], [LEFT, RIGHT]);
  const height = TOP + layers.length * ROOM + 30;
  const end = TOP + layers.length * ROOM;
  return svg(height, "Scores of all positions in the indexers of the demo model", [
    heading(20, 30, `the last of ${ids.length.toLocaleString("en")} tokens ranks all positions`),
    text(20, 50, "above the dashed line: the 64 chosen positions"),
    text(x(fact) + 5, TOP - 2, `“window”, position ${fact}`, { fill: COLOUR.orange, size: 12 }),
    line([x(fact), TOP - 10], [x(fact), end - 14], COLOUR.orange, 'stroke-dasharray="2 4"'),
    ...layers.flatMap((l, i) => strip(l, seen.layers[l], fact, TOP + i * ROOM, x)),
    ...[0, ids.length - 1].map((s) =>
      text(x(s), end + 8, s === 0 ? "position 0" : String(s), {
        size: 11,
        anchor: s === 0 ? "start" : "end",
      }),
    ),
  ]);
}

function strip(
  l: number,
  layer: SeenLayer,
  fact: number,
  top: number,
  x: (s: number) => number,
): string[] {
  const scores = layer.get("indexer_score")?.data ?? [];
  const chosen = new Set(layer.get("top_k")?.data);
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const y = scale([low, high], [top + STRIP, top + 8]);
  const least = Math.min(...[...chosen].map((s) => scores[s]));
  const points = scores.map((score, s): Point => [x(s), y(score)]);
  const pick = (of: (s: number) => boolean) => points.filter((_, s) => of(s));
  const rank = scores.filter((score) => score > scores[fact]).length + 1;
  const isChosen = chosen.has(fact);
  return [
    text(20, top + 30, `layer ${l}`, { fill: COLOUR.ink, isBold: true }),
    text(20, top + 50, `word: rank ${rank}`, { size: 12, fill: COLOUR.orange }),
    text(20, top + 66, isChosen ? "chosen" : "not chosen", { size: 12, fill: COLOUR.orange }),
    bars(outline(points), top + STRIP, COLOUR.pale, 1),
    bars(
      pick((s) => chosen.has(s)),
      top + STRIP,
      COLOUR.blue,
      1.4,
    ),
    bars([points[fact]], top + STRIP, COLOUR.orange, 3),
    line([LEFT, y(least)], [RIGHT, y(least)], COLOUR.soft, 'stroke-dasharray="4 3"'),
  ];
}

/** The highest point of each pixel column: many positions share one. */
function outline(points: readonly Point[]): Point[] {
  const highest = new Map<number, number>();
  for (const [x, y] of points) {
    const column = Math.round(x);
    highest.set(column, Math.min(y, highest.get(column) ?? y));
  }
  return [...highest];
}
