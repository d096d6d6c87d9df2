/**
 * A judgement in a word.
 * @module
 */
import type { Judgement } from "./judge.ts";

/**
 * `allowed`: nothing is off, and rounding explains what differs more than a stage may. `unknown`: nothing
 * could be compared, because each stage follows from a choice that the dump does not show and rounding
 * can turn.
 */
export type VerdictStatus = "right" | "allowed" | "wrong" | "unknown";

/** The word for a judgement. */
export function statusOf({ firstOff, stages }: Judgement): VerdictStatus {
  if (firstOff !== undefined) return "wrong";
  const compared = stages.filter(({ verdict }) => verdict !== "missing");
  if (compared.every(({ rows }) => rows === 0)) return "unknown";
  return compared.some(({ verdict }) => verdict === "explained") ? "allowed" : "right";
}
