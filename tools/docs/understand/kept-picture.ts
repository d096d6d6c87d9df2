/**
 * What one layer keeps of one position, and the keys and values that are never made. The same area
 * stands for each number.
 * @module
 */
import type { ModelConfig } from "../../../engine/index.ts";
import { COLOUR, heading, rect, svg, text } from "./svg.ts";

const HEIGHT = 346;
/** The side of the square of one number. */
const SIDE = 1.9;
/** How many numbers lie side by side, of what is never made and of what is kept. */
const [MADE_PER_LINE, KEPT_PER_LINE] = [256, 64];
const [LEFT, TOP] = [24, 76];

/** docs/understand/kept.svg */
export function keptPicture(c: ModelConfig): string {
  const made = c.numAttentionHeads * (c.qkHeadDim + c.vHeadDim);
  const kept = c.kvLoraRank + c.qkRopeHeadDim;
  const right = LEFT + MADE_PER_LINE * SIDE + 36;
  return svg(HEIGHT, "What is kept of a position in a layer, and what is never made", [
    heading(LEFT, 30, "never made, in one layer of GLM-5.2 for one position"),
    text(LEFT, 54, `${made.toLocaleString("en")} numbers`),
    ...heads(c, "keys", c.qkHeadDim, TOP, COLOUR.pale),
    ...heads(c, "values", c.vHeadDim, TOP + blockHeight(c, c.qkHeadDim) + 6, COLOUR.grid),
    heading(right, 30, "kept instead: one row"),
    text(right, 54, `${kept} numbers, to the same scale`),
    ...row(c, right),
  ]);
}

function blockHeight(c: ModelConfig, width: number): number {
  return ((c.numAttentionHeads * width) / MADE_PER_LINE) * SIDE;
}

/** What all heads would have of one kind: a stripe for each head. */
function heads(c: ModelConfig, what: string, width: number, top: number, colour: string): string[] {
  const n = c.numAttentionHeads;
  const [w, h] = [MADE_PER_LINE * SIDE, blockHeight(c, width)];
  const between = Array.from({ length: n - 1 }, (_, i) =>
    rect(LEFT, top + ((i + 1) * h) / n - 0.2, w, 0.4, "#ffffff"),
  );
  const words = `${what} of ${n} heads, ${width} numbers each`;
  const middle = { anchor: "middle", fill: COLOUR.ink } as const;
  return [
    rect(LEFT, top, w, h, colour),
    ...between,
    rect(LEFT + w / 2 - 130, top + h / 2 - 14, 260, 26, colour),
    text(LEFT + w / 2, top + h / 2 + 4, words, middle),
  ];
}

/** The latent and the rotary key. */
function row(c: ModelConfig, x: number): string[] {
  const [width, beside] = [KEPT_PER_LINE * SIDE, x + KEPT_PER_LINE * SIDE + 10];
  const latent = (c.kvLoraRank / KEPT_PER_LINE) * SIDE;
  const rotary = (c.qkRopeHeadDim / KEPT_PER_LINE) * SIDE;
  const words = [
    [`the latent: ${c.kvLoraRank}`, COLOUR.blue, TOP + 10],
    [`the rotary key: ${c.qkRopeHeadDim}`, COLOUR.orange, TOP + 28],
  ] as const;
  return [
    rect(x, TOP, width, latent, COLOUR.blue),
    rect(x, TOP + latent + 3, width, rotary, COLOUR.orange),
    ...words.map(([name, fill, y]) => text(beside, y, name, { fill })),
    text(x, TOP + 64, "Two matrices would make all keys and values of"),
    text(x, TOP + 82, "the latent. They are moved instead: one to the"),
    text(x, TOP + 100, "query, one to the result. See the text."),
  ];
}
