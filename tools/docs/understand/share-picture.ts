/**
 * Who chooses for whom in the demo model, and what each layer loses when the word is hidden from it.
 * @module
 */
import { overlap } from "../../eval/selection.ts";
import type { Story } from "./story.ts";
import { COLOUR, heading, line, rect, scale, svg, text } from "./svg.ts";

const HEIGHT = 400;
const TOP = 84;
/** Height of one layer. */
const LAYER = 34;
/** Left and right end of the bars. */
const BARS = [300, 500] as const;
/** Left side, top and width of the squares. */
const [SQUARES, SQUARES_TOP, SQUARE] = [650, 104, 48];

/** docs/understand/share.svg */
export function sharePicture(
  { fact, seen }: Story,
  { all, hidden }: { readonly all: number; readonly hidden: readonly number[] },
): string {
  const isFull = seen.layers.map((layer) => layer.has("indexer_score"));
  const choices = seen.layers.map((layer) => layer.get("top_k")?.data ?? []);
  return svg(HEIGHT, "Layers that choose, layers that borrow, and what they do with the word", [
    heading(20, 30, "if one layer cannot see “window”"),
    text(20, 52, `probability of the right answer; nothing hidden: ${all.toFixed(2)}`),
    rect(272, 368, 12, 12, COLOUR.orange),
    text(292, 379, "“window” is among the 64 positions that the layer reads", { size: 12 }),
    ...hidden.flatMap((p, l) => {
      const lender = isFull.findLastIndex((full, i) => full && i <= l);
      const y = TOP + l * LAYER;
      return layerParts(l, y, isFull[l], lender, choices[l].includes(fact), p);
    }),
    heading(SQUARES - 60, 30, "positions that two choices share"),
    text(SQUARES - 60, 52, "of 64, between the layers that choose"),
    ...squares(
      choices.filter((_, l) => isFull[l]),
      isFull.flatMap((full, l) => (full ? [l] : [])),
    ),
  ]);
}

function layerParts(
  l: number,
  y: number,
  isFull: boolean,
  lender: number,
  hasWord: boolean,
  p: number,
): string[] {
  const x = scale([0, 1], BARS);
  const arrow = `M70 ${TOP + lender * LAYER + 18}H56V${y + 12}H70`;
  return [
    ...(isFull
      ? []
      : [`<path d="${arrow}" fill="none" stroke="${COLOUR.soft}" stroke-dasharray="3 3"/>`]),
    rect(74, y, 80, 24, isFull ? COLOUR.blue : "#ffffff", `stroke="${COLOUR.blue}" rx="4"`),
    text(114, y + 17, `layer ${l}`, { anchor: "middle", fill: isFull ? "#ffffff" : COLOUR.blue }),
    text(164, y + 17, isFull ? "chooses" : `borrows from ${lender}`, { size: 12 }),
    hasWord
      ? rect(272, y + 6, 12, 12, COLOUR.orange)
      : line([272, y + 12], [284, y + 12], COLOUR.pale),
    rect(x(0), y + 3, x(1) - x(0), 18, "#f3f5f7"),
    rect(x(0), y + 3, x(p) - x(0), 18, COLOUR.green),
    text(x(1) + 8, y + 17, p.toFixed(4), { size: 12, fill: COLOUR.ink }),
  ];
}

/** For each pair of full layers, how many of the positions that one chose are also the other's. */
function squares(choices: readonly (readonly number[])[], names: readonly number[]): string[] {
  const at = (i: number) => SQUARES + i * (SQUARE + 2);
  const top = (i: number) => SQUARES_TOP + i * (SQUARE + 2);
  return names.flatMap((name, i) => [
    text(SQUARES - 8, top(i) + SQUARE / 2 + 4, `layer ${name}`, { size: 12, anchor: "end" }),
    text(at(i) + SQUARE / 2, SQUARES_TOP - 8, String(name), { size: 12, anchor: "middle" }),
    ...choices.flatMap((other, j) => {
      const share = overlap(choices[i], other);
      const ink = share > 0.5 ? "#ffffff" : COLOUR.ink;
      return [
        rect(
          at(j),
          top(i),
          SQUARE,
          SQUARE,
          COLOUR.blue,
          `fill-opacity="${(0.08 + 0.92 * share).toFixed(2)}"`,
        ),
        text(
          at(j) + SQUARE / 2,
          top(i) + SQUARE / 2 + 5,
          String(Math.round(share * choices[i].length)),
          {
            anchor: "middle",
            fill: ink,
          },
        ),
      ];
    }),
  ]);
}
