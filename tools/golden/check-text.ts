/**
 * What a check found, for a terminal.
 * @module
 */
import type { CheckReport } from "./check.ts";
import type { Diagnosis } from "./diagnose.ts";

/** A {@link CheckReport} as text. */
export function renderCheck(report: CheckReport): string {
  const header = "stage                     max abs    max rel       nmse     cosine  of bound";
  const lines = report.stages.map(({ name, distance: d, overBound, selection, verdict }) => {
    const mark = verdict === "same" ? "" : `  ${verdict}`;
    if (selection) {
      const { equal, rows, explained, unexplained } = selection;
      const others = equal < rows ? `, ${explained} explained, ${unexplained} not` : "";
      return `${name.padEnd(22)} ${equal} of ${rows} rows the same${others}${mark}`;
    }
    if (!d) return `${name.padEnd(22)}${mark}`;
    const numbers = [d.maxAbs, d.maxRel, d.nmse].map((x) => x.toExponential(2).padStart(10));
    const rest = [d.cosine.toFixed(7).padStart(10), (overBound ?? 0).toFixed(3).padStart(9)];
    return `${name.padEnd(22)} ${[...numbers, ...rest].join(" ")}${mark}`;
  });
  return `${[header, ...lines, "", ...conclusion(report)].join("\n")}\n`;
}

function conclusion({
  stages,
  verdict,
  format,
  logits,
  absent,
  unknown,
  ...report
}: CheckReport): string[] {
  const last = stages[stages.length - 1];
  const lines: string[] = [];
  if (logits) {
    const { rows, sameTop1, meanKl, maxKl } = logits;
    lines.push(
      `logits: same likeliest token in ${sameTop1} of ${rows} rows, KL ${meanKl.toExponential(2)} on average, ${maxKl.toExponential(2)} at most`,
    );
  }
  if (absent.length > 0) lines.push(`not in the dump: ${absent.length} stages, first ${absent[0]}`);
  if (unknown.length > 0) lines.push(`not in the case: ${unknown.slice(0, 8).join(", ")}`);
  switch (verdict) {
    case "same":
      lines.push(`${report.case}: all ${stages.length} stages agree as ${format} may`);
      break;
    case "explained":
      lines.push(
        `${report.case}: ${last.name} differs where rounding allows it; what comes after it follows from that and was not judged`,
      );
      break;
    case "differs":
      lines.push(
        `${report.case}: the first wrong stage is ${last.name}${last.message ? `: ${last.message}` : ""}`,
      );
      break;
    default:
      verdict satisfies never;
  }
  return lines;
}

/** Suspects that are printed. */
const SHOWN = 5;

/** A {@link Diagnosis} as text. */
export function renderDiagnosis({ stage, suspects }: Diagnosis): string {
  if (stage === undefined) return "diagnosis: nothing to explain\n";
  if (suspects.length === 0) return `diagnosis: no known mistake gives these numbers at ${stage}\n`;
  const lines = suspects.slice(0, SHOWN).map(({ mutants, stages, ...errors }) => {
    const name = mutants.map(({ id, what }) => `${id}: ${what}`).join(", and ");
    const [mine, model] = [errors.errorAgainstMutant, errors.errorAgainstModel].map((x) =>
      x.toExponential(1),
    );
    return `  ${name}\n    error at ${stage} ${mine} against this mistake, ${model} against the model; ${stages} stages fit`;
  });
  const head = suspects.length > 1 ? "one of these, best first" : "";
  return `${[`diagnosis: ${head}`.trimEnd(), ...lines].join("\n")}\n`;
}
