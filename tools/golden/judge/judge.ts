/**
 * A dump against what is expected, stage by stage in the order of the model.
 *
 * The first stage that is off and not explained by rounding ends the judging: all after it may be
 * wrong because of it. An explained choice of other rows or experts does not end it, but from its
 * first row on later stages are computed from other inputs, and are left out; unless the model has
 * run with the dump's choices (forced.ts), so that no choice, explained or not, spoils what follows.
 * @module
 */

import type { Bound } from "../case/bounds.ts";
import type { GoldenTensor } from "../case/case.ts";
import type { EngineClass } from "../case/engine-class.ts";
import type { Expectation } from "../case/expectation.ts";
import type { Dump, DumpTensor } from "../dump/dump.ts";
import { scoresOf } from "./choice-scores.ts";
import { compareLogits, type Distance, distanceOf, type LogitsReport } from "./distance.ts";
import { place, shapeFault } from "./faults.ts";
import { hint, stageLike } from "./hints.ts";
import { compareSelections, type SelectionReport } from "./selections.ts";

/** One stage's result. `after`: not judged, since an earlier stage is off. */
export interface StageResult {
  readonly name: string;
  readonly verdict: "ok" | "explained" | "off" | "after" | "missing";
  /** What is wrong, in words. */
  readonly sentence?: string;
  /** Rows compared, and rows there are. */
  readonly rows?: number;
  readonly of?: number;
  readonly distance?: Distance;
  /** How large the distance's `rms` and `largest` may be. */
  readonly bound?: Bound;
  /** The larger of worst error over its bound and rms error over its bound; 1 is the limit. */
  readonly errorOverBound?: number;
  readonly selection?: SelectionReport;
  readonly logits?: LogitsReport;
}

/** What a dump looks like beside the model. */
export interface Judgement {
  readonly stages: readonly StageResult[];
  /** The first stage that is off. */
  readonly firstOff: string | undefined;
  /** All that are off: forced choices, and the first other stage. */
  readonly off: readonly string[];
  /** Tensors of the dump that are no stage. */
  readonly unknown: readonly string[];
}

/** What to judge a dump against, if not the model alone. */
export interface JudgeOptions {
  /** Numbers of a mutant, or of a run with forced choices, in place of the right ones. */
  readonly wanted?: ReadonlyMap<string, GoldenTensor>;
  /** Choices of the dump that `wanted` was run with. */
  readonly forced?: ReadonlySet<string>;
  /** After the first stage that is off, go no further than this one, and search for no hints. */
  readonly until?: string;
}

/** Judges every stage of `expected`, or of `wanted`. */
export function judge(
  dump: Dump,
  expected: Expectation,
  kind: EngineClass,
  { wanted = expected.stages, forced = new Set(), until }: JudgeOptions = {},
): Judgement {
  const stages: StageResult[] = [];
  const off: string[] = [];
  let isOver = false;
  let clean = Number.POSITIVE_INFINITY;
  const withHints = until === undefined;
  for (const [name, want] of wanted) {
    const isPast = until !== undefined && stages.some((stage) => stage.name === until);
    if (isPast && isOver) break;
    const got = dump.get(name);
    if (!got) {
      stages.push({ name, verdict: "missing" });
      continue;
    }
    const bound = expected.bound(name, kind, got.dtype);
    const fault = shapeFault(got, want);
    const result: Omit<StageResult, "name"> = fault
      ? { verdict: "off", sentence: fault }
      : want.data instanceof Int32Array
        ? judgeSelection(name, got, want, dump, wanted, expected, kind, clean)
        : judgeNumbers(name, got, want, bound, clean, withHints && !isOver);
    const verdict: StageResult["verdict"] = isOver ? "after" : result.verdict;
    if (verdict === "off") off.push(name);
    isOver ||= verdict === "off" && !forced.has(name);
    const { bound: boundOf } = expected;
    const isChoice = want.data instanceof Int32Array;
    const other =
      verdict === "off" &&
      withHints &&
      stageLike(name, got, { stages: isChoice ? expected.stages : wanted, bound: boundOf }, kind);
    const sentence = other
      ? `${result.sentence}; these are the numbers of ${other}: stages are out of order`
      : result.sentence;
    stages.push({ name, ...result, ...(sentence && { sentence }), verdict });
    if (result.selection && result.selection.explained > 0 && !forced.has(name)) {
      clean = Math.min(clean, firstOther(got, want));
    }
  }
  const unknown = [...dump].filter(([name]) => !wanted.has(name)).map(([, x]) => x.theirName);
  return { stages, firstOff: off[0], off, unknown };
}

function judgeNumbers(
  name: string,
  got: DumpTensor,
  want: GoldenTensor,
  bound: Bound,
  clean: number,
  withHint: boolean,
): Omit<StageResult, "name"> {
  const nRows = want.shape[0];
  const width = want.data.length / nRows;
  // Only a mutant has NaN of its own.
  const nBad = got.data.findIndex(
    (x, i) => (Number.isNaN(x) || x === Number.POSITIVE_INFINITY) && !Number.isNaN(want.data[i]),
  );
  if (nBad >= 0) {
    const sentence = `${got.data[nBad]} at ${place(nBad, want.shape)}: expected finite numbers`;
    return { verdict: "off", sentence };
  }
  const rows = cleanRows(name, nRows, clean);
  const distance = distanceOf(got.data, want.data, rows * width);
  const errorOverBound = Math.max(distance.rms / bound.rms, distance.largest / bound.largest);
  const magnitude = distance.largest > 0 ? distance.maxAbs / distance.largest : 0;
  const logits = /^(mtp_)?logits/.test(name)
    ? { logits: compareLogits(got.data, want.data, rows, width, bound.largest * magnitude) }
    : {};
  const numbers = { rows, of: nRows, distance, bound, errorOverBound, ...logits };
  if (errorOverBound <= 1) return { verdict: rows < nRows ? "explained" : "ok", ...numbers };
  const { worst, nmse, largest, rms } = distance;
  const text = `${got.data[worst]} at ${place(worst, want.shape)}, expected ${want.data[worst]}`;
  const more =
    withHint && rows === nRows ? hint(got.data, want.data, want.shape, bound.largest) : undefined;
  const errors = `largest ${outOf(largest, bound.largest)}, rms ${outOf(rms, bound.rms)}, NMSE ${nmse.toExponential(1)}`;
  const sentence = `off by ${errorOverBound.toPrecision(3)} times its bound (${errors}): ${text}`;
  return { verdict: "off", sentence: more ? `${sentence}; ${more}` : sentence, ...numbers };
}

const outOf = (error: number, allowed: number): string =>
  `${error.toExponential(1)} of ${allowed.toExponential(1)} allowed`;

function judgeSelection(
  name: string,
  got: DumpTensor,
  want: GoldenTensor,
  dump: Dump,
  wanted: ReadonlyMap<string, GoldenTensor>,
  expected: Expectation,
  kind: EngineClass,
  clean: number,
): Omit<StageResult, "name"> {
  const of = want.shape[0];
  const rows = cleanRows(name, of, clean);
  const first = (x: GoldenTensor): GoldenTensor => ({
    shape: [rows, want.shape[1]],
    data: x.data.subarray(0, rows * want.shape[1]),
  });
  const { scores, bounds } =
    firstOther(got, want) < rows
      ? scoresAndBounds(name, dump, wanted, expected, kind)
      : { scores: undefined, bounds: undefined };
  const selection = compareSelections(first(got), first(want), scores, bounds);
  const { equal, unexplained } = selection;
  const counts = { rows, of, selection };
  if (unexplained === 0) {
    return { verdict: equal === of ? "ok" : "explained", ...counts };
  }
  const row = firstOther(got, want);
  const set = (x: GoldenTensor): string =>
    [...x.data.subarray(row * want.shape[1], (row + 1) * want.shape[1])].join(" ");
  const sentence = `${unexplained} of ${rows} rows choose otherwise than rounding explains, row ${row} first: expected ${set(want)}, got ${set(got)}`;
  return { verdict: "off", sentence, ...counts };
}

/** Rows of a stage that no turned choice reaches, when rows from `clean` on are reached. */
function cleanRows(name: string, nRows: number, clean: number): number {
  // A later step of the MTP layer has one row, made from all rows of the text.
  const isDraft = /^mtp_.*-[1-9]\d*$/.test(name);
  return isDraft && clean < Number.POSITIVE_INFINITY ? 0 : Math.min(nRows, clean);
}

/** From measured differences where the dump has what scores are made of; else from the bound. */
function scoresAndBounds(
  name: string,
  dump: Dump,
  wanted: ReadonlyMap<string, GoldenTensor>,
  expected: Expectation,
  kind: EngineClass,
): ReturnType<typeof scoresOf> {
  const measured = scoresOf(name, dump, wanted, expected.bias);
  if (measured.scores) return measured;
  // What the dump lacks counts as equal; the room for its rounding is the stage's bound.
  const { scores } = scoresOf(name, wanted, wanted, expected.bias);
  if (!scores) return measured;
  const layer = Number(name.split("-")[1]); // of mtp_top_k-0, whose bound is near any layer's: 0
  const isRouter = name.startsWith("ffn_moe_topk");
  let source = layer;
  while (!isRouter && source > 0 && !wanted.has(`indexer_score-${source}`)) source--;
  const stage = isRouter ? `ffn_moe_logits-${layer}` : `indexer_score-${source}`;
  const numbers = wanted.get(stage)?.data ?? scores.data;
  let magnitude = 0;
  for (const x of numbers) if (Number.isFinite(x)) magnitude = Math.max(magnitude, Math.abs(x));
  const room = expected.bound(stage, kind).largest * magnitude * (isRouter ? 0.25 : 1);
  return { scores, bounds: new Float64Array(scores.data.length).fill(room) };
}

/** The first row whose sets differ. */
function firstOther(got: GoldenTensor, want: GoldenTensor): number {
  const [nRows, width] = want.shape;
  const key = (x: GoldenTensor, t: number): string =>
    String([...x.data.subarray(t * width, (t + 1) * width)].sort((a, b) => a - b));
  for (let t = 0; t < nRows; t++) if (key(got, t) !== key(want, t)) return t;
  return nRows;
}
