/**
 * An explanation as text for people.
 * @module
 */
import type { Explanation } from "./explanation.ts";

/** Lines that each begin with what they tell. */
export function renderExplanation(explanation: Explanation): string {
  const { relation, sentence, also, lookAt, printNext } = explanation;
  const found = relation === "none" ? "not explained" : "explained";
  return [
    `${found}: ${sentence}`,
    ...also.map((other) => `or, which gives the same: ${other}`),
    `look at: ${lookAt}`,
    `print next: ${printNext}`,
    "",
  ].join("\n");
}
