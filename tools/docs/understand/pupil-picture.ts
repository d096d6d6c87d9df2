/**
 * What the attention looks at, above, and what the indexer makes of its scores, below.
 * @module
 */
import { bars, COLOUR, heading, line, type Point, scale, svg, text, WIDTH } from "./svg.ts";

const HEIGHT = 360;
const [LEFT, RIGHT] = [170, WIDTH - 24];
/** The line between both, and how far bars go. */
const [MIDDLE, LENGTH] = [200, 120];
/** Weights below this have no bar. */
const LEAST = 1e-6;

/** docs/understand/pupil.svg: two distributions over the positions, on a logarithmic scale. */
export function pupilPicture(
  teacher: readonly number[],
  pupil: readonly number[],
  chosen: ReadonlySet<number>,
): string {
  const x = scale([0, teacher.length - 1], [LEFT, RIGHT]);
  const up = scale([Math.log10(LEAST), 0], [MIDDLE - 2, MIDDLE - LENGTH]);
  const down = scale([Math.log10(LEAST), 0], [MIDDLE + 2, MIDDLE + LENGTH]);
  const points = (weights: readonly number[], y: (log: number) => number, isChosen: boolean) =>
    weights.flatMap((weight, s): Point[] =>
      chosen.has(s) === isChosen ? [[x(s), y(Math.log10(Math.max(weight, LEAST)))]] : [],
    );
  const share = (weights: readonly number[]) => percent(weights.reduce((a, b) => a + b, 0));
  const onChosen = share(teacher.filter((_, s) => chosen.has(s)));
  const most = share([...teacher].sort((a, b) => b - a).slice(0, chosen.size));
  const powers = [-4, -2, 0];
  return svg(HEIGHT, "Teacher and pupil: attention weights and indexer scores", [
    heading(20, 30, "teacher and pupil, at the last token of the story"),
    text(20, 52, "blue: the 64 positions that layer 6 chose."),
    text(
      290,
      52,
      `The attention would give them ${onChosen} of its weight, and ${most} to its own best 64.`,
    ),
    ...powers.flatMap((power) =>
      [up, down].flatMap((y) => [
        line([LEFT, y(power)], [RIGHT, y(power)]),
        text(
          LEFT - 6,
          y(power) + 4,
          power === 0 ? "1" : `1/${(10 ** -power).toLocaleString("en")}`,
          {
            size: 10,
            anchor: "end",
          },
        ),
      ]),
    ),
    bars(points(teacher, up, false), MIDDLE - 2, COLOUR.pale, 0.8),
    bars(points(teacher, up, true), MIDDLE - 2, COLOUR.blue, 1.6),
    bars(points(pupil, down, false), MIDDLE + 2, COLOUR.pale, 0.8),
    bars(points(pupil, down, true), MIDDLE + 2, COLOUR.blue, 1.6),
    text(20, MIDDLE - 50, "attention", { isBold: true, fill: COLOUR.ink, size: 12 }),
    text(20, MIDDLE - 34, "6 and 7", { size: 12 }),
    text(20, MIDDLE + 50, "indexer", { isBold: true, fill: COLOUR.ink, size: 12 }),
    text(20, MIDDLE + 66, "of layer 6", { size: 12 }),
    text(LEFT, HEIGHT - 14, "position 0", { size: 11 }),
    text(RIGHT, HEIGHT - 14, String(teacher.length - 1), { size: 11, anchor: "end" }),
  ]);
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
