/**
 * A judgement as text for people.
 * @module
 */

import { isLogits, parseStage } from "../../../engine/trace/stage-names.ts";
import { type EngineClass, ROUNDS } from "../case/engine-class.ts";
import type { Divergence } from "./distance.ts";
import type { ForcedRun } from "./forced.ts";
import type { Judgement, StageResult } from "./judge.ts";

/** A list of names is cut after this many. */
const LONGEST_LIST = 8;

/** A judgement, and what it was made with. */
export interface JudgementOf extends Judgement {
  /** Name of the case. */
  readonly caseName: string;
  /** The class that the dump was judged as. */
  readonly engineClass: EngineClass;
  /** What tells the class, as the end of a sentence. */
  readonly classBecause: string;
  /** Coarser classes of which nothing would be off. */
  readonly rightAs: readonly EngineClass[];
  /** The run with choices of the dump, where there was one. */
  readonly replayed: Pick<ForcedRun, "forced"> | undefined;
}

/** The table of stages, up to the first that is off, and what follows from it. */
export function renderJudgement(judgement: JudgementOf): string {
  const { stages, off, unknown, hidden, caseName, engineClass: kind, replayed } = judgement;
  const forced = replayed?.forced;
  const compared = stages.filter(({ verdict }) => verdict !== "missing");
  const judged = compared.filter(({ verdict }) => verdict !== "after");
  const width = Math.max(5, ...judged.map(({ name }) => name.length));
  const lines = [
    `judged as an engine of class ${kind}; what max rel may be is in the column bound`,
    `class ${kind}: ${judgement.classBecause}; it rounds ${ROUNDS[kind]}`,
    ...(forced ? [`the model has made ${forced.size} choices as the dump has`] : []),
    "",
    `${"stage".padEnd(width)}  verdict    max rel   bound     NMSE      1-cosine  error/bound`,
    ...judged.map((stage) => `${stage.name.padEnd(width)}  ${line(stage)}`),
    "",
  ];
  const missing = stages.filter(({ verdict }) => verdict === "missing").map(({ name }) => name);
  if (missing.length > 0) {
    lines.push(`missing: ${missing.length} of ${stages.length} stages: ${list(missing)}`);
  }
  if (unknown.length > 0) lines.push(`unknown: ${unknown.length} tensors: ${list(unknown)}`);
  for (const { name, logits } of compared) {
    if (logits?.divergence) lines.push(`${name}: ${divergenceText(logits.divergence)}`);
  }
  for (const { name, sentence } of stages) {
    if (off.includes(name)) lines.push(`${name}: ${sentence}`);
  }
  for (const { name, row } of hidden) lines.push(hiddenText(name, row, kind));
  const nAfter = compared.length - judged.length;
  if (off.length > 0 && nAfter > 0) {
    const place = `stage ${judged.length} of ${compared.length}`;
    lines.push(`OFF at ${off.join(", ")}, ${place}; ${nAfter} after it not judged`);
  } else if (off.length > 0) {
    const nRight = compared.length - off.length;
    lines.push(`OFF at ${off.join(", ")}; the other ${nRight} stages are right`);
  } else if (compared.every(({ rows }) => rows === 0)) {
    lines.push(`unknown: no row of the dump can be judged on ${caseName}`);
  } else {
    const nExplained = judged.filter(({ verdict }) => verdict === "explained").length;
    const more = nExplained > 0 ? `, ${nExplained} of them explained by rounding` : "";
    lines.push(`ok: ${judged.length} stages of ${caseName}${more}`);
  }
  const [other, ...more] = judgement.rightAs;
  if (other !== undefined) {
    const as = [other, ...more].join(" or ");
    lines.push(
      `nothing is off for class ${as}: if that is what your engine rounds, say --class ${other}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

/** A sentence about a choice that is not shown. */
function hiddenText(name: string, row: number, kind: EngineClass): string {
  const from = isLogits(parseStage(name).stage) ? "later draft steps" : `rows from ${row} on`;
  return `${name}: not in the dump, and rounding of class ${kind} can turn it, so ${from} are not compared after it; dump it, or take a case that is certified for ${kind}`;
}

/** A sentence about the first token that greedy decoding takes otherwise. */
export function divergenceText({ row, want, got, margin, maxAbs, explained }: Divergence): string {
  const why = explained ? "rounding explains it" : "more than rounding explains";
  return `greedy decoding first differs at row ${row}: expected token ${want}, got ${got}; the expected token leads by ${margin.toPrecision(3)}, logits differ by up to ${maxAbs.toPrecision(3)}: ${why}`;
}

function line({
  verdict,
  distance,
  bound,
  errorOverBound,
  selection,
  logits,
  rows,
  of,
}: StageResult): string {
  const cells: string[] = [verdict.padEnd(9)];
  if (distance && bound) {
    const { largest, nmse, cosine } = distance;
    for (const x of [largest, bound.largest, nmse, 1 - cosine])
      cells.push(x.toExponential(1).padEnd(8));
    cells.push((errorOverBound ?? 0).toPrecision(2));
  }
  if (selection) {
    const { equal, explained, unexplained } = selection;
    cells.push(`rows: ${equal} equal, ${explained} explained, ${unexplained} unexplained`);
  }
  if (logits) {
    cells.push(`KL ${logits.meanKl.toExponential(1)}, top-1 ${logits.sameTop}/${logits.rows}`);
  }
  if (rows !== undefined && of !== undefined && rows < of)
    cells.push(`first ${rows} of ${of} rows`);
  return cells.join("  ").trimEnd();
}

function list(names: readonly string[]): string {
  const more = names.length > LONGEST_LIST ? ", …" : "";
  return names.slice(0, LONGEST_LIST).join(", ") + more;
}
