/**
 * The two parts of a score when a key is moved to other distances from its query: for a head that asks
 * where a token stands, and for one that asks what it is.
 * @module
 */
import { apart } from "../../inspect/apart.ts";
import { type Asked, dot } from "./attend.ts";
import { COLOUR, curve, heading, LABEL, line, type Point, scale, svg, text } from "./svg.ts";

const HEIGHT = 340;
const [TOP, BOTTOM, PANEL] = [84, 290, 280];
/** Distances that are shown. */
const FARTHEST = 60;
/** Between two levels of the grid. */
const LEVEL = 10;

/** A head, and the position whose key is moved. */
export interface MovedKey {
  readonly title: string;
  readonly note: string;
  readonly of: Asked;
  readonly head: number;
  readonly position: number;
}

/** docs/understand/rotation.svg */
export function rotationPicture(heads: readonly MovedKey[], theta: number): string {
  const parts = heads.map((moved) => partsOf(moved, theta));
  const all = parts.flatMap(({ content, rotary }) => [content, ...rotary]);
  const low = LEVEL * Math.floor(Math.min(...all) / LEVEL);
  const high = LEVEL * Math.ceil(Math.max(...all) / LEVEL);
  const y = scale([low, high], [BOTTOM, TOP]);
  const levels = Array.from({ length: (high - low) / LEVEL + 1 }, (_, i) => low + i * LEVEL);
  return svg(
    HEIGHT,
    "The two parts of a score, by the distance of query and key",
    heads.flatMap(({ title, note }, i) => {
      const left = 50 + i * 430;
      return [
        heading(left - 30, 30, title),
        text(left - 30, 52, note),
        ...levels.map((level) => line([left, y(level)], [left + PANEL, y(level)])),
        ...levels.map((level) =>
          text(left - 8, y(level) + 4, String(level), { size: 11, anchor: "end" }),
        ),
        ...panel(parts[i], left, y),
      ];
    }),
  );
}

/** The part of a score that comes from the latent, and the rotary part for each distance. */
interface Parts {
  readonly content: number;
  readonly rotary: readonly number[];
}

function partsOf({ of, head, position }: MovedKey, theta: number): Parts {
  const here = of.latents.length - 1 - position;
  return {
    content: of.scale * dot(of.query[head], of.latents[position]),
    rotary: Array.from({ length: FARTHEST + 1 }, (_, distance) => {
      const key = turned(of.rotaryKeys[position], here - distance, theta);
      return of.scale * dot(of.rotaryQuery[head], key);
    }),
  };
}

function panel({ content, rotary }: Parts, left: number, y: (score: number) => number): string[] {
  const x = scale([0, FARTHEST], [left, left + PANEL]);
  const along = (values: readonly number[]) => values.map((value, i): Point => [x(i), y(value)]);
  const labels = [
    [content, "from the latent", COLOUR.blue],
    [rotary[FARTHEST], "rotary part", COLOUR.orange],
  ] as const;
  const heights = apart(
    labels.map(([value]) => y(value)),
    LABEL,
  );
  return [
    ...[0, 20, 40, 60].map((d) =>
      text(x(d), BOTTOM + 18, String(d), { size: 11, anchor: "middle" }),
    ),
    text(left + PANEL / 2, BOTTOM + 38, "distance in tokens", { anchor: "middle" }),
    curve(along(rotary.map(() => content)), COLOUR.blue),
    curve(along(rotary), COLOUR.orange),
    ...labels.map(([, words, fill], i) =>
      text(left + PANEL + 8, heights[i] + 4, words, { fill, size: 12 }),
    ),
  ];
}

/** Neighbouring numbers, rotated as by `steps` positions. */
function turned(key: readonly number[], steps: number, theta: number): number[] {
  return key.map((number, i) => {
    const angle = steps * theta ** (-(i - (i % 2)) / key.length);
    const [other, sign] = i % 2 === 1 ? [key[i - 1], 1] : [key[i + 1], -1];
    return number * Math.cos(angle) + sign * other * Math.sin(angle);
  });
}
