/**
 * Judges a dump stage by stage, in the order in which the model makes the stages.
 *
 * 1. A stage that the dump lacks is `missing`. It is not held against the dump.
 * 2. Numbers are right when they are within the bound of the stage. Choices of rows or experts are
 *    right when they are those expected, or when rounding can have turned them: `explained`.
 * 3. The first stage that is `off` ends the judging. All stages after it may be wrong because of it,
 *    so they are measured, but their verdict is `after`.
 * 4. An explained choice does not end the judging. But from its first row on, later stages are
 *    computed from other inputs than expected, so that these rows are left out. So are the rows from
 *    the first one on in which rounding can turn a choice that the dump does not show
 *    (hidden-choices.ts), and draft steps after a token that rounding can have turned.
 * 5. Steps 3 and 4 do not hold for choices that the model was made to share with the dump
 *    (forced.ts): what follows from them can be compared in any case. Where they are others than the
 *    model's own, bounds are {@link OTHER_CHOICES} times as wide from there on. Those of later draft
 *    steps, whose experts are no stage, are that many times wider once more where rounding can turn choices.
 * @module
 */
import { isDraftStage, isLogits, parseStage } from "../../../engine/trace/stage-names.ts";
import type { Bound } from "../case/bounds.ts";
import type { GoldenTensor } from "../case/case.ts";
import type { EngineClass } from "../case/engine-class.ts";
import type { Expectation } from "../case/expectation.ts";
import type { Dump, DumpTensor } from "../dump/dump.ts";
import { choiceScores } from "./choice-scores.ts";
import { compareLogits, type Distance, distanceOf, type LogitsReport } from "./distance.ts";
import { draftTokens } from "./draft-tokens.ts";
import { place, shapeFault } from "./faults.ts";
import type { ForcedRun } from "./forced.ts";
import { openGroups } from "./groups.ts";
import { type HiddenChoice, hiddenChoices } from "./hidden-choices.ts";
import { hint, stageLike } from "./hints.ts";
import { firstOtherRow } from "./row-sets.ts";
import { compareSelections, type SelectionReport } from "./selections.ts";

/** One stage's result. `after`: not judged, since an earlier stage is off. */
export interface StageResult {
  /** Name of the stage, with its layer. */
  readonly name: string;
  /** `after` stands for a stage behind the first that is off, `missing` for one that the dump lacks. */
  readonly verdict: "ok" | "explained" | "off" | "after" | "missing";
  /** What is wrong, in words. */
  readonly sentence?: string;
  /** Rows that were compared. */
  readonly rows?: number;
  /** Rows that there are. */
  readonly of?: number;
  /** How far the numbers are off. */
  readonly distance?: Distance;
  /** How large the distance's `rms` and `largest` may be. */
  readonly bound?: Bound;
  /** The larger of worst error over its bound and rms error over its bound; 1 is the limit. */
  readonly errorOverBound?: number;
  /** How choices differ, for a stage that is a choice. */
  readonly selection?: SelectionReport;
  /** How greedy decoding differs, for logits. */
  readonly logits?: LogitsReport;
}

/** What a dump looks like beside the model. */
export interface Judgement {
  /** All stages of the case, in the order of the model. */
  readonly stages: readonly StageResult[];
  /** The first stage that is off. */
  readonly firstOff: string | undefined;
  /** All that are off: forced choices, and the first other stage. */
  readonly off: readonly string[];
  /** Tensors of the dump that are no stage. */
  readonly unknown: readonly string[];
  /** Choices that the dump lacks and rounding can turn: later stages are compared before their row. */
  readonly hidden: readonly HiddenChoice[];
}

/** A dump and what came of judging it against a case, as an engine of a class. */
export interface Judged {
  /** What the other engine made. */
  readonly dump: Dump;
  /** What is right. */
  readonly expected: Expectation;
  /** The class that the dump was judged as. */
  readonly kind: EngineClass;
  /** What came of it. */
  readonly judgement: Judgement;
  /** The run with the dump's choices, where it was judged beside that. */
  readonly replayed?: ForcedRun;
}

/** What to judge a dump against, if not the model alone. */
export interface JudgeOptions {
  /** Numbers of a mutant, or of a run with forced choices, in place of the right ones. */
  readonly wanted?: ReadonlyMap<string, GoldenTensor>;
  /** Choices of the dump that `wanted` was run with. */
  readonly forced?: ReadonlySet<string>;
  /** Draft steps of the dump whose token `wanted` went on with. */
  readonly drafted?: ReadonlySet<number>;
  /**
   * After the first stage that is off, go no further than this one; search for no hints, and do not
   * compare greedy decoding.
   */
  readonly until?: string;
}

/** Both sides of a comparison. */
interface Sides {
  readonly dump: Dump;
  readonly wanted: ReadonlyMap<string, GoldenTensor>;
  readonly expected: Expectation;
  readonly kind: EngineClass;
}

/** One stage of both sides, and how many of its rows no turned choice reaches. */
interface Pair {
  readonly name: string;
  readonly got: DumpTensor;
  readonly want: GoldenTensor;
  readonly rows: number;
}

type Result = Omit<StageResult, "name">;

/** The envelope is measured with the case's choices. Other choices may carry rounding further. */
const OTHER_CHOICES = 2;

/** Judges every stage of `expected`, or of `wanted`. */
export function judge(
  dump: Dump,
  expected: Expectation,
  kind: EngineClass,
  { wanted = expected.stages, forced = new Set(), drafted = new Set(), until }: JudgeOptions = {},
): Judgement {
  const sides: Sides = { dump, wanted, expected, kind };
  const stages: StageResult[] = [];
  const off: string[] = [];
  let isOver = false;
  const hidden: HiddenChoice[] = [];
  let clean = Number.POSITIVE_INFINITY; // rows before this one have the inputs that are expected
  let room = 1; // times the bounds
  let isOtherDraft = false; // later draft steps go on with a token that may be another
  for (const [name, want] of wanted) {
    if (isOver && until !== undefined && stages.some((stage) => stage.name === until)) break;
    const got = dump.get(name);
    for (const choice of isOver ? [] : hiddenChoices(name, want, sides)) {
      if (choice.row < clean) hidden.push(choice);
      if (isLogits(parseStage(choice.name).stage)) isOtherDraft = true;
      else clean = Math.min(clean, choice.row);
    }
    if (!got) {
      stages.push({ name, verdict: "missing" });
      continue;
    }
    const pair: Pair = {
      name,
      got,
      want,
      rows: cleanRows(name, want.shape[0], isOtherDraft ? Math.min(clean, want.shape[0]) : clean),
    };
    const withHints = until === undefined && !isOver;
    const result = judgeStage(sides, pair, {
      room: room * (isUnsure(name, sides) ? OTHER_CHOICES : 1),
      withHint: withHints,
      withGreedy: until === undefined,
    });
    if (isOver) stages.push({ name, ...result, verdict: "after" });
    else stages.push({ name, ...(withHints ? withOther(sides, pair, result) : result) });
    if (result.verdict === "off" && !isOver) {
      off.push(name);
      isOver = !forced.has(name);
    }
    if (result.selection && result.selection.explained > 0 && !forced.has(name)) {
      clean = Math.min(clean, firstOtherRow(got, want));
    }
    if (result.selection && result.selection.equal < want.shape[0] && forced.has(name)) {
      room = OTHER_CHOICES;
    }
    const { stage, number = 0 } = parseStage(name);
    if (stage === "mtp_logits" && !drafted.has(number) && result.verdict !== "off") {
      const [token, ...others] = draftTokens(got, want.shape[1]);
      isOtherDraft ||= others.length > 0 || token !== draftTokens(want, want.shape[1])[0];
    }
  }
  const unknown = [...dump].filter(([name]) => !wanted.has(name)).map(([, x]) => x.theirName);
  return { stages, firstOff: off[0], off, unknown, hidden };
}

/** How a stage is judged, and what its result tells beside the distance. */
interface Detail {
  /** Bounds are this many times as wide. */
  readonly room: number;
  /** Why the numbers may be off. */
  readonly withHint: boolean;
  /** How greedy decoding differs. */
  readonly withGreedy: boolean;
}

function judgeStage(sides: Sides, pair: Pair, detail: Detail): Result {
  const fault = shapeFault(pair.got, pair.want);
  if (fault) return { verdict: "off", sentence: fault };
  if (pair.want.data instanceof Int32Array) return judgeChoice(sides, pair);
  const { rms, largest } = sides.expected.bound(pair.name, sides.kind, pair.got.dtype);
  return judgeNumbers(pair, { rms: detail.room * rms, largest: detail.room * largest }, detail);
}

/** Whether rounding can have turned experts on the way that no stage shows: those of later draft steps. */
function isUnsure(name: string, { expected, kind }: Sides): boolean {
  const { stage, number = 0 } = parseStage(name);
  return isDraftStage(stage) && number > 0 && !expected.envelope.certified.includes(kind);
}

/** Rows of a stage that no turned choice reaches, when rows from `clean` on are reached. */
function cleanRows(name: string, nRows: number, clean: number): number {
  // A later draft step has one row, made from all rows of the text.
  const { stage, number = 0 } = parseStage(name);
  const isLaterDraft = isDraftStage(stage) && number > 0;
  return isLaterDraft && clean < Number.POSITIVE_INFINITY ? 0 : Math.min(nRows, clean);
}

/** Says of a stage that is off which other stage has its numbers, if one has. */
function withOther({ wanted, expected, kind }: Sides, { name, got, want }: Pair, result: Result) {
  if (result.verdict !== "off") return result;
  const stages = want.data instanceof Int32Array ? expected.stages : wanted;
  const other = stageLike(name, got, { stages, bound: expected.bound }, kind);
  if (!other) return result;
  const sentence = `${result.sentence}; these are the numbers of ${other}: stages are out of order`;
  return { ...result, sentence };
}

function judgeNumbers({ name, got, want, rows }: Pair, bound: Bound, detail: Detail): Result {
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
  const distance = distanceOf(got.data, want.data, rows * width);
  const errorOverBound = Math.max(distance.rms / bound.rms, distance.largest / bound.largest);
  const magnitude = distance.largest > 0 ? distance.maxAbs / distance.largest : 0;
  const withLogits = detail.withGreedy && isLogits(parseStage(name).stage);
  const logits = withLogits
    ? { logits: compareLogits(got.data, want.data, rows, width, bound.largest * magnitude) }
    : {};
  const numbers = { rows, of: nRows, distance, bound, errorOverBound, ...logits };
  if (errorOverBound <= 1) return { verdict: rows < nRows ? "explained" : "ok", ...numbers };
  const { worst, nmse, largest, rms } = distance;
  const text = `${got.data[worst]} at ${place(worst, want.shape)}, expected ${want.data[worst]}`;
  const more =
    detail.withHint && rows === nRows
      ? hint(got.data, want.data, want.shape, bound.largest)
      : undefined;
  const errors = `largest ${outOf(largest, bound.largest)}, rms ${outOf(rms, bound.rms)}, NMSE ${nmse.toExponential(1)}`;
  const sentence = `off by ${errorOverBound.toPrecision(3)} times its bound (${errors}): ${text}`;
  return { verdict: "off", sentence: more ? `${sentence}; ${more}` : sentence, ...numbers };
}

const outOf = (error: number, allowed: number): string =>
  `${error.toExponential(1)} of ${allowed.toExponential(1)} allowed`;

function judgeChoice({ dump, wanted, expected, kind }: Sides, pair: Pair): Result {
  const { name, got, want, rows } = pair;
  const [of, width] = want.shape;
  const first = (x: GoldenTensor): GoldenTensor => ({
    shape: [rows, width],
    data: x.data.subarray(0, rows * width),
  });
  const row = firstOtherRow(got, want);
  const allowed = (stage: string): number => expected.bound(stage, kind).largest;
  const known = row < rows ? choiceScores(name, dump, wanted, expected.bias, allowed) : undefined;
  const groups = openGroups(name, expected.model.config);
  const { scores, bounds } = known ?? {};
  const selection = compareSelections(first(got), first(want), scores, bounds, groups);
  const { equal, unexplained } = selection;
  const counts = { rows, of, selection };
  if (unexplained === 0) {
    return { verdict: equal === of ? "ok" : "explained", ...counts };
  }
  const listed = ({ data }: GoldenTensor): string =>
    [...data.subarray(row * width, (row + 1) * width)].join(" ");
  const sentence = `${unexplained} of ${rows} rows choose otherwise than rounding explains, row ${row} first: expected ${listed(want)}, got ${listed(got)}`;
  return { verdict: "off", sentence, ...counts };
}
