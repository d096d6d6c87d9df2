/**
 * Which experts of one layer each token of a sentence visits.
 * @module
 */
import { COLOUR, heading, rect, svg, text } from "./svg.ts";

const [LEFT, TOP] = [120, 84];
/** Size of the place of one expert, and height of one token. */
const [CELL, LINE] = [32, 20];

/** One token: its text, the experts that it visits, and how much each of them counts. */
export interface Visit {
  readonly token: string;
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

/** docs/understand/experts.svg */
export function expertsPicture(layer: number, nExperts: number, visits: readonly Visit[]): string {
  const height = TOP + visits.length * LINE + 24;
  const most = Math.max(...visits.flatMap(({ weights }) => weights));
  return svg(height, "The experts that each token visits", [
    heading(
      20,
      30,
      `layer ${layer} of the demo model: ${visits[0].experts.length} of ${nExperts} experts for each token`,
    ),
    text(20, 52, "the darker, the more an expert counts"),
    ...Array.from({ length: nExperts }, (_, e) =>
      text(LEFT + (e + 0.5) * CELL, TOP - 8, String(e), { size: 11, anchor: "middle" }),
    ),
    ...visits.flatMap(({ token, experts, weights }, i) => [
      text(LEFT - 10, TOP + i * LINE + 14, token, { anchor: "end", fill: COLOUR.ink }),
      rect(LEFT, TOP + i * LINE + 1, nExperts * CELL - 2, LINE - 2, "#f3f5f7"),
      ...experts.map((e, a) =>
        rect(
          LEFT + e * CELL,
          TOP + i * LINE + 1,
          CELL - 2,
          LINE - 2,
          COLOUR.blue,
          `fill-opacity="${(0.2 + (0.8 * weights[a]) / most).toFixed(2)}"`,
        ),
      ),
    ]),
  ]);
}
