/**
 * A diagnosis in lines for people.
 * @module
 */
import type { Diagnosis, Suspect } from "./diagnose.ts";
import type { StageResult } from "./judge.ts";

/** Suspects that are listed when none fits. */
const LISTED = 3;

/** The names, and for each the numbers that speak for it. */
export function renderDiagnosis({ firstOff, evidence, suspects }: Diagnosis): string {
  if (firstOff === undefined) return "nothing to diagnose: every stage of the dump is right\n";
  const fitting = suspects.filter(({ fits }) => fits);
  const line = ({ id, what, evidence: beside }: Suspect): string =>
    `  ${id}: ${what}\n    ${firstOff}: ${closeness(beside)} against this mistake, ${closeness(evidence)} against the model`;
  const list = (some: readonly Suspect[]): string => `${some.map(line).join("\n")}\n`;
  if (fitting.length === 0) {
    const nearest = list(suspects.slice(0, LISTED));
    return `${firstOff} is off: no known mistake explains the dump. The nearest:\n${nearest}`;
  }
  const head = fitting.length > 1 ? "any of these, the nearest first" : "this mistake";
  return `${firstOff} is off, and the dump is what ${head} would give:\n${list(fitting)}`;
}

function closeness(stage: StageResult | undefined): string {
  if (stage?.distance) return `NMSE ${stage.distance.nmse.toExponential(1)}`;
  if (stage?.selection) return `${stage.selection.equal} of ${stage.of} rows equal`;
  return "not comparable";
}
