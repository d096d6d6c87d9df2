/**
 * Choices that a dump does not show.
 *
 * Where a choice is close, a right engine may make it otherwise, and all that follows is then other
 * numbers. A dump that has the choice shows it; one that lacks it does not. So nothing after such a
 * choice can be held against an engine, from the first row on in which rounding of its class can turn
 * it, or in which equal scores meet. The envelope of the case says how far rounding moves a gap between
 * scores.
 *
 * Next: judge.ts
 * @module
 */
import type { Model } from "../../../engine/index.ts";
import type { GoldenTensor } from "../case/case.ts";
import type { EngineClass } from "../case/engine-class.ts";
import type { Expectation } from "../case/expectation.ts";
import type { Dump } from "../dump/dump.ts";
import { type ScoreTable, scoreTables } from "./score-tables.ts";

/** A choice that the dump lacks. */
export interface HiddenChoice {
  /** The stage that would show it. */
  readonly name: string;
  /** The first row in which rounding can turn it. */
  readonly row: number;
}

/** What the choices are looked for in. */
interface About {
  readonly dump: Dump;
  readonly expected: Expectation;
  readonly kind: EngineClass;
}

/** The choices made from the numbers `want` of the stage `source` that the dump lacks and rounding can turn. */
export function hiddenChoices(
  source: string,
  want: GoldenTensor,
  { dump, expected, kind }: About,
): HiddenChoice[] {
  const { choices, certified, ties, room } = expected.envelope;
  // Nothing can be turned: there is no need to look at all scores of a long text.
  if (certified.includes(kind) && Object.keys(ties).length === 0) return [];
  return tablesOf(source, want, expected.model).flatMap(({ name, table, gaps }) => {
    if (dump.has(name)) return [];
    const most = room * (choices[table.name]?.moved[kind] ?? 0) * table.unit;
    const row = gaps.findIndex((gap) => gap <= most);
    return row < 0 ? [] : [{ name, row }];
  });
}

/** The table of a choice, and the gap between its last chosen and best other score, row by row. */
interface Border {
  readonly name: string;
  readonly table: ScoreTable;
  readonly gaps: Float64Array;
}

/** A stage is asked for again and again while mistakes are compared. */
const known = new WeakMap<GoldenTensor, readonly Border[]>();

function tablesOf(source: string, want: GoldenTensor, model: Model): readonly Border[] {
  // No later stage is made from the likeliest token: the text is given.
  if (source === "logits") return [];
  const found = known.get(want);
  if (found) return found;
  const borders = scoreTables(source, want, want, model).map((table) => ({
    name: table.name.replace("ffn_moe_groups", "ffn_moe_topk"), // experts show their groups
    table,
    gaps: borderGaps(table),
  }));
  known.set(want, borders);
  return borders;
}

/** NaN where nothing is dropped, 0 where equal scores meet. */
function borderGaps({ scores, k }: ScoreTable): Float64Array {
  const [nRows, n] = scores.shape;
  return Float64Array.from({ length: nRows }, (_, row) => {
    const ranked = Float64Array.from(scores.data.subarray(row * n, (row + 1) * n))
      .filter(Number.isFinite)
      .sort();
    const at = ranked.length - k;
    return at > 0 ? ranked[at] - ranked[at - 1] : Number.NaN;
  });
}
