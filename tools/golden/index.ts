/**
 * `glm52.ts/golden`: checks another engine's stages against the model's.
 *
 * ```ts
 * import { check, diagnose, textOf } from "glm52.ts/golden";
 *
 * const verdict = await check("dump.safetensors", { case: "tiny-all" });
 * console.log(textOf(verdict));
 * if (verdict.status === "wrong") console.log(textOf(await diagnose(verdict)));
 * ```
 *
 * Nothing here prints, ends the process, or writes a file. docs/check-your-engine.md tells what a dump
 * is and how it is judged.
 *
 * The rooms beside this file have an order, and each imports only from rooms before it: `case` (the
 * pack and what is expected), `mutants` (known mistakes), `dump` (other engines' files), `judge` (a
 * dump against a case), `diagnose` (a known mistake behind a dump), `explain` (any mistake), `build` (how the pack is made), `report`
 * (pages and test reports), `witness` (other engines, asked while they run).
 *
 * Next: judge/judge.ts, diagnose/diagnose.ts, explain/explain.ts
 * @module glm52.ts/golden
 */
import { setImmediate } from "node:timers/promises";
import type { NamedTensor } from "../../engine/trace/recorder.ts";
import { CLASSES, type EngineClass } from "./case/engine-class.ts";
import { BUILT_IN, type NameMap } from "./case/engine-names.ts";
import { expectation } from "./case/expectation.ts";
import { caseFolders } from "./case/pack-cases.ts";
import { diagnoseBothWays } from "./diagnose/both-ways.ts";
import type { Diagnosis } from "./diagnose/diagnose.ts";
import { renderDiagnosis } from "./diagnose/diagnosis-text.ts";
import { runMutants } from "./diagnose/mutant-runs.ts";
import { asDump } from "./dump/as-dump.ts";
import { type Dump, readEngineDump } from "./dump/dump.ts";
import { classOf } from "./dump/found-class.ts";
import { explain as explainJudged } from "./explain/explain.ts";
import type { Explanation } from "./explain/explanation.ts";
import { renderExplanation } from "./explain/explanation-text.ts";
import { renderJudgement } from "./judge/check-text.ts";
import { mustShare } from "./judge/faults.ts";
import { type ForcedRun, runForced } from "./judge/forced.ts";
import { type Judged, type Judgement, judge, type StageResult } from "./judge/judge.ts";
import {
  selfCheck as checkBackends,
  renderSelfCheck,
  type SelfResult,
} from "./judge/self-check.ts";
import { statusOf, type VerdictStatus } from "./judge/status.ts";
import { renderHtml } from "./report/html.ts";
import { renderJunit } from "./report/junit.ts";

export type { NamedTensor } from "../../engine/trace/recorder.ts";
export type { Bound } from "./case/bounds.ts";
export { CLASSES, type EngineClass, type PerClass, ROUNDS } from "./case/engine-class.ts";
export { type NameMap, readNames } from "./case/engine-names.ts";
export { caseFolders } from "./case/pack-cases.ts";
export { type CaseSummary, cases } from "./case/summary.ts";
export type { Diagnosis, Suspect } from "./diagnose/diagnose.ts";
export type { Pair } from "./diagnose/pairs.ts";
export type { Explanation } from "./explain/explanation.ts";
export type { Relation } from "./explain/variant.ts";
export type { Distance, Divergence, LogitsReport } from "./judge/distance.ts";
export type { HiddenChoice } from "./judge/hidden-choices.ts";
export type { Judgement, StageResult } from "./judge/judge.ts";
export type { SelectionReport } from "./judge/selections.ts";
export { passes, type SelfResult } from "./judge/self-check.ts";
export type { VerdictStatus } from "./judge/status.ts";
export { type Mistake, nameOf } from "./mutants/mutant.ts";

/** What an engine made of a case: a file or folder by its path, the bytes of a file, or tensors. */
export type DumpInput = string | Uint8Array | readonly NamedTensor[];

/** What the work is at, for people. */
export type Step =
  | "reading"
  | "running the model"
  | "running known mistakes"
  | "running two mistakes at once"
  | "searching what explains it"
  | "running this engine";

/** How to follow long work, and how to stop it. */
export interface WorkOptions {
  /** Work that is stopped throws the signal's reason. It looks at the signal between two runs. */
  readonly signal?: AbortSignal;
  /** Told what the work is at: parts done, and parts in all. */
  readonly onProgress?: (step: Step, done: number, total: number) => void;
}

/** What a dump is checked against, and as what. */
export interface CheckOptions extends WorkOptions {
  /** The name of a case of the pack, or the folder of a case. */
  readonly case: string;
  /** Folder of a golden pack. Default: the pack that comes with this package. */
  readonly pack?: string;
  /** What the engine computes in. Default: told by the formats of the dump, or by its numbers. */
  readonly class?: EngineClass;
  /** Run the model with the choices of the dump, so that what follows from them is judged too. */
  readonly replay?: boolean;
  /** The dump's names to ours, beside those of HF transformers, which are built in. */
  readonly names?: NameMap;
}

/** What a check found. */
export interface Verdict extends Judgement {
  /** What came of it, in a word. */
  readonly status: VerdictStatus;
  /** Name of the case. */
  readonly caseName: string;
  /** The class that the dump was judged as. */
  readonly engineClass: EngineClass;
  /** What tells the class, as the end of a sentence. */
  readonly classBecause: string;
  /** Coarser classes of which nothing would be off, where the class was not given. */
  readonly rightAs: readonly EngineClass[];
  /** The first stage that is off, with its distance and its bound, or its choices. */
  readonly firstWrong: StageResult | undefined;
  /** With `replay`: the run with the dump's choices, and which of them were taken. */
  readonly replayed: ForcedRun | undefined;
  /** Both sides of the comparison, for {@link diagnose} and {@link htmlOf}. */
  readonly judged: Judged;
}

/**
 * Compares a dump with a case, stage by stage.
 *
 * @throws {UserError} when the case is not there, or the dump cannot be read or has none of its stages
 */
export async function check(dump: DumpInput, options: CheckOptions): Promise<Verdict> {
  options.signal?.throwIfAborted();
  const got = await openDump(dump, options);
  const [folder] = await caseFolders([options.case], options.pack);
  const running = told(options, "running the model");
  running(0, 1); // a short text is run in one piece, with nothing to tell in between
  const expected = await expectation(folder, running);
  running(1, 1);
  mustShare(typeof dump === "string" ? dump : "dump", got, expected);
  const { kind, because } = options.class
    ? { kind: options.class, because: "that was given" }
    : classOf(got);
  await breath(options);
  const replayed = options.replay ? runForced(got, expected) : undefined;
  const judgement = judge(got, expected, kind, replayed);
  const { stages, firstOff } = judgement;
  const coarser = options.class || firstOff === undefined ? [] : CLASSES;
  return {
    ...judgement,
    status: statusOf(judgement),
    caseName: expected.info.name,
    engineClass: kind,
    classBecause: because,
    rightAs: coarser
      .slice(CLASSES.indexOf(kind) + 1)
      .filter((other) => statusOf(judge(got, expected, other, replayed)) !== "wrong"),
    firstWrong: stages.find(({ name }) => name === firstOff),
    replayed,
    judged: { dump: got, expected, kind, judgement, ...(replayed && { replayed }) },
  };
}

async function openDump(dump: DumpInput, options: CheckOptions): Promise<Dump> {
  const names = { ...BUILT_IN, ...options.names };
  if (typeof dump === "string" || dump instanceof Uint8Array) {
    return readEngineDump(dump, names, told(options, "reading"));
  }
  return asDump(dump, names);
}

/** What is known about a wrong dump: the known mistakes behind it, and what explains its first wrong stage. */
export interface FullDiagnosis extends Diagnosis {
  /** Undefined where nothing is off. */
  readonly explanation: Explanation | undefined;
}

/**
 * Names the known mistakes that make a dump what it is, and explains its first wrong stage: of a dump, or
 * of a verdict on one.
 *
 * Where the verdict is with `replay`, or rounding has turned choices and no mistake fits, the known
 * mistakes run with the dump's choices, too.
 *
 * @throws {UserError} as {@link check} does
 */
export async function diagnose(verdict: Verdict, options?: WorkOptions): Promise<FullDiagnosis>;
export async function diagnose(dump: DumpInput, options: CheckOptions): Promise<FullDiagnosis>;
export async function diagnose(
  dump: DumpInput | Verdict,
  options: WorkOptions | CheckOptions = {},
): Promise<FullDiagnosis> {
  const verdict = isVerdict(dump) ? dump : await check(dump, options as CheckOptions);
  const { judged } = verdict;
  const onMistake = pauses(options, "running known mistakes");
  const onPair = pauses(options, "running two mistakes at once");
  if (judged.judgement.firstOff === undefined) {
    return { ...(await diagnoseBothWays(judged, { onMistake, onPair })), explanation: undefined };
  }
  const { dump: got, expected, replayed } = judged;
  const runs = await runMutants(expected, onMistake, replayed && { dump: got, run: replayed });
  const pause = pauses(options, "searching what explains it");
  const explanation = await explainJudged(judged, { runs, pause });
  const withPairs = !explanation?.fits;
  const how = { runs, onMistake, onPair, withPairs };
  return { ...(await diagnoseBothWays(judged, how)), explanation };
}

/**
 * Explains the first wrong stage of a verdict: which relation there is between what should have come and
 * what came, how much of the difference it explains, and where to look. Undefined where nothing is off.
 */
export const explain = (
  { judged }: Verdict,
  options: WorkOptions = {},
): Promise<Explanation | undefined> =>
  explainJudged(judged, { pause: pauses(options, "searching what explains it") });

const isVerdict = (dump: DumpInput | Verdict): dump is Verdict =>
  typeof dump === "object" && "judged" in dump;

/** Which cases this engine's own backends are run on. */
export interface SelfCheckOptions extends WorkOptions {
  /** Folders or names of cases; all of the pack by default. */
  readonly cases?: readonly string[];
  /** Folder of a pack; the one that comes with this package by default. */
  readonly pack?: string;
  /** Use 256-bit vectors where the runtime can make them; sets a flag of V8 for the whole process. */
  readonly turbo?: boolean;
}

/** Runs this engine's own backends on cases, as engines of class `f32`; see {@link passes}. */
export async function selfCheck(options: SelfCheckOptions = {}): Promise<SelfResult[]> {
  options.signal?.throwIfAborted();
  const folders = await caseFolders(options.cases ?? [], options.pack);
  return checkBackends(folders, options.turbo ?? false, pauses(options, "running this engine"));
}

/** A verdict, an explanation, a diagnosis or the results of a self-check in lines for people. */
export function textOf(
  result: Verdict | Explanation | FullDiagnosis | Diagnosis | readonly SelfResult[],
): string {
  if ("sentence" in result) return renderExplanation(result);
  if ("suspects" in result) return diagnosisText(result);
  if (!("judged" in result)) return renderSelfCheck(result);
  return renderJudgement(result);
}

function diagnosisText(diagnosis: Diagnosis | FullDiagnosis): string {
  const explanation = "explanation" in diagnosis ? diagnosis.explanation : undefined;
  const known = renderDiagnosis(diagnosis);
  return explanation ? `${renderExplanation(explanation)}\n${known}` : known;
}

/** A verdict as plain data for JSON, as `glm52 golden check --json` prints it. */
export function jsonOf(
  { caseName, engineClass, rightAs, status, judged }: Verdict,
  explanation?: Explanation,
): object {
  const told = explanation && { explanation };
  return { case: caseName, class: engineClass, status, rightAs, ...judged.judgement, ...told };
}

/** A verdict as one HTML page that needs no other file; with a diagnosis, where there is one. */
export function htmlOf(
  verdict: Verdict,
  dumpName: string,
  diagnosis?: Diagnosis | FullDiagnosis,
): string {
  const { judged, replayed, caseName } = verdict;
  const wanted = replayed?.wanted ?? judged.expected.stages;
  const explanation = diagnosis && "explanation" in diagnosis ? diagnosis.explanation : undefined;
  return renderHtml({ ...judged, caseName, dumpName, diagnosis, explanation, wanted });
}

/** A verdict as JUnit XML: a stage is a test. */
export const junitOf = (verdict: Verdict): string => renderJunit(verdict, verdict.caseName);

/** Tells how far a step is, and stops it where that is wanted. */
const told =
  ({ signal, onProgress }: WorkOptions, step: Step) =>
  (done: number, total: number): void => {
    onProgress?.(step, done, total);
    signal?.throwIfAborted();
  };

/** {@link told}, and lets others run, so that somebody can stop the work. */
const pauses = (options: WorkOptions, step: Step) => async (done: number, total: number) => {
  told(options, step)(done, total);
  await breath(options);
};

async function breath({ signal }: WorkOptions): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}
