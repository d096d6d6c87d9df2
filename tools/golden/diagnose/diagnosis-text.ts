/**
 * A diagnosis as text for people.
 * @module
 */

import type { StageResult } from "../judge/judge.ts";
import { nameOf } from "../mutants/mutant.ts";
import type { Diagnosis, Suspect } from "./diagnose.ts";
import type { Pair } from "./pairs.ts";

/** How many of the nearest suspects are listed when none fits. */
const LISTED = 3;

/** A mistake that does not fit is listed where the model is this many times as far from the stage. */
const NEARER = 2;

/** The names of the mistakes that fit, each with the numbers that speak for it. */
export function renderDiagnosis(diagnosis: Diagnosis): string {
  const { firstOff, evidence, suspects, pairs } = diagnosis;
  if (firstOff === undefined) {
    const what =
      diagnosis.engineClass === "f32" ? "every stage of the dump is right" : "nothing is off";
    return `nothing to diagnose: ${what}\n${unseenText(diagnosis)}`;
  }
  const fitting = suspects.filter(({ fits }) => fits);
  const line = (suspect: Suspect): string =>
    `  ${nameOf(suspect)}\n    ${numbers(suspect.evidence, "this mistake")}`;
  const numbers = (beside: StageResult | undefined, whose: string): string =>
    `${firstOff}: ${closeness(beside)} against ${whose}, ${closeness(evidence)} against the model`;
  const list = (some: readonly Suspect[]): string => `${some.map(line).join("\n")}\n`;
  if (pairs.length > 0) {
    const pair = ({ mistakes, secondAt, evidence: beside }: Pair): string =>
      `${mistakes.map((mistake) => `  ${nameOf(mistake)}\n`).join("")}    ${numbers(beside, "both")}; the second is needed from ${secondAt} on\n`;
    const head =
      pairs.length > 1 ? "any of these pairs of mistakes" : "these two mistakes together";
    return `${firstOff} is off, and the dump is what ${head} would give:\n${pairs.map(pair).join("")}`;
  }
  if (fitting.length === 0) {
    const none = `${firstOff} is off: no known mistake explains the dump, nor two.`;
    const near = suspects
      .filter((suspect) => isNearer(suspect.evidence, evidence))
      .slice(0, LISTED);
    return near.length > 0 ? `${none} The nearest:\n${list(near)}` : `${none}\n`;
  }
  const head = fitting.length > 1 ? "any of these, the nearest first" : "this mistake";
  return `${firstOff} is off, and the dump is what ${head} would give:\n${list(fitting)}`;
}

/** What a right dump of a class that rounds much cannot tell. */
function unseenText({ unseen, engineClass }: Diagnosis): string {
  if (unseen.length === 0) return "";
  const list = unseen.map((mistake) => `  ${nameOf(mistake)}\n`).join("");
  return `within the noise of ${engineClass} on this case, so that the dump would not show them:\n${list}`;
}

/**
 * Whether a stage is much nearer to a mistake's than to the model's. A mistake that turns choices leaves
 * rows out of the comparison; with fewer rows than the model's, nothing speaks for it.
 */
function isNearer(mistake: StageResult | undefined, model: StageResult | undefined): boolean {
  if ((mistake?.rows ?? Infinity) < (model?.rows ?? mistake?.of ?? 0)) return false;
  if (mistake?.distance && model?.distance) {
    return NEARER * mistake.distance.rms <= model.distance.rms;
  }
  const other = ({ selection, of = 0 }: StageResult): number => of - (selection?.equal ?? 0);
  return (
    mistake?.selection !== undefined &&
    model?.selection !== undefined &&
    NEARER * other(mistake) <= other(model)
  );
}

function closeness(stage: StageResult | undefined): string {
  if (stage?.distance) return `NMSE ${stage.distance.nmse.toExponential(1)}`;
  if (stage?.selection) return `${stage.selection.equal} of ${stage.of} rows equal`;
  return "not comparable";
}
