/**
 * What ordinary attention and GLM-5.2 cost, against the length of the text.
 * @module
 */

import type { ModelConfig } from "../../../engine/index.ts";
import { apart } from "../../inspect/apart.ts";
import { tokenFlops } from "../../inspect/flops.ts";
import { kvBytesPerToken } from "../../inspect/sizes.ts";
import { COLOUR, curve, heading, LABEL, line, type Point, scale, svg, text } from "./svg.ts";

const HEIGHT = 380;
const [TOP, BOTTOM] = [70, 320];
/** Left and right borders of the two charts. */
const CHARTS = [
  [60, 290],
  [470, 700],
] as const;

/** Lengths of text: powers of two. */
const [SHORTEST, LONGEST] = [10, 20];

/** One curve: its name, its colour, and its value at a length. */
type Curve = readonly [name: string, colour: string, at: (n: number) => number];

/** docs/understand/cost.svg */
export function costPicture(config: ModelConfig): string {
  const numbers =
    config.numHiddenLayers * config.numAttentionHeads * (config.qkHeadDim + config.vHeadDim);
  const { weights } = tokenFlops(config, "indexShare", 1);
  const model = kvBytesPerToken(config, "bf16").total;
  return svg(HEIGHT, "The cost of ordinary attention and of GLM-5.2, by length of the text", [
    ...chart(CHARTS[0], "bytes of the cache of one text (bf16)", [7, 13], BYTES, [
      ["ordinary", COLOUR.orange, (n) => n * numbers * 2],
      ["GLM-5.2", COLOUR.green, (n) => n * model],
    ]),
    ...chart(CHARTS[1], "operations of one step", [10, 14], OPERATIONS, [
      ["MLA alone, no choice", COLOUR.soft, (n) => tokenFlops(config, "dense", n).total],
      ["ordinary", COLOUR.orange, (n) => weights + 2 * numbers * n],
      ["a choice in each layer", COLOUR.blue, (n) => tokenFlops(config, "dsaEveryLayer", n).total],
      ["GLM-5.2: shared choices", COLOUR.green, (n) => tokenFlops(config, "indexShare", n).total],
    ]),
    text(175, BOTTOM + 44, "tokens of the text", { anchor: "middle" }),
    text(585, BOTTOM + 44, "tokens of the text", { anchor: "middle" }),
  ]);
}

const BYTES = ["10 MB", "100 MB", "1 GB", "10 GB", "100 GB", "1 TB", "10 TB"];
const OPERATIONS = ["10 GFLOP", "100 GFLOP", "1 TFLOP", "10 TFLOP", "100 TFLOP"];

function chart(
  [left, right]: readonly [number, number],
  title: string,
  powers: readonly [number, number],
  names: readonly string[],
  curves: readonly Curve[],
): string[] {
  const x = scale([SHORTEST, LONGEST], [left, right]);
  const y = scale(powers, [BOTTOM, TOP]);
  const lengths = Array.from({ length: LONGEST - SHORTEST + 1 }, (_, i) => SHORTEST + i);
  const ends = curves.map(([, , at]) => y(Math.log10(at(2 ** LONGEST))));
  const labels = apart(ends, LABEL);
  return [
    heading(left - 40, 32, title),
    ...names.flatMap((name, i) => [
      line([left, y(powers[0] + i)], [right, y(powers[0] + i)]),
      text(left - 6, y(powers[0] + i) + 4, name, { size: 11, anchor: "end" }),
    ]),
    ...lengths
      .filter((power) => power % 2 === 0)
      .map((power) => text(x(power), BOTTOM + 20, tokens(power), { size: 11, anchor: "middle" })),
    ...curves.flatMap(([name, colour, at], i) => [
      curve(
        lengths.map((power): Point => [x(power), y(Math.log10(at(2 ** power)))]),
        colour,
      ),
      text(right + 6, labels[i] + 4, name, { size: 12, fill: colour }),
    ]),
  ];
}

function tokens(power: number): string {
  return power === 20 ? "1M" : `${2 ** (power - 10)}K`;
}
