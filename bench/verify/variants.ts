/**
 * Models with a mistake, or with rounding that is accepted, made from one that is right. `glm52 verify` must find
 * the first and pass the second.
 * @module
 */
import type { CaseModel } from "../../tools/golden/case/case.ts";
import { MISTAKES } from "../../tools/golden/mutants/all.ts";
import type { Bug } from "../../tools/golden/mutants/bugs.ts";
import { withConfig, withOps } from "../../tools/golden/mutants/mutant.ts";
import { topKBy } from "../../tools/golden/mutants/wrong-ops.ts";

/** A model that is served in the place of the right one. */
export interface Variant {
  readonly name: string;
  readonly change: (right: CaseModel) => CaseModel;
  /** Whether it is right as far as `glm52 verify` can tell. */
  readonly isQuiet?: true;
  /** Where its drift begins. */
  readonly from: "start" | "index_topk";
  /** Median of positions until it is found, of the plan of the verifier. */
  readonly planned?: number;
}

/** Mistakes, with the positions that the plan of the verifier states, and changes that are too small to be faults. */
export const VARIANTS: readonly Variant[] = [
  {
    name: "no scale of experts (G36)",
    from: "start",
    planned: 96,
    change: bug("G36", /never applied/),
  },
  { name: "softmax scale (G19)", from: "start", change: bug("G19", /absorbed width/) },
  { name: "schedule (G04)", from: "index_topk", planned: 112, change: bug("G04", /off by one/) },
  {
    name: "indexer's halves (G14)",
    from: "index_topk",
    planned: 128,
    change: bug("G14", /halves/),
  },
  {
    name: "rope base 10,000",
    ...{ from: "start", planned: 144 },
    change: withConfig(() => ({ ropeTheta: 10_000 })),
  },
  { name: "indexer of its own (G05)", from: "index_topk", planned: 192, change: bug("G05", /own/) },
  {
    name: "most recent rows",
    ...{ from: "index_topk", planned: 256 },
    change: withOps(() => ({ topK: topKBy((visible, _, k) => visible.slice(-k)) })),
  },
  {
    name: "index_topk halved",
    ...{ from: "index_topk", planned: 352 },
    change: withConfig(({ indexTopk }) => ({ indexTopk: indexTopk / 2 })),
  },
  { name: "no ReLU (D6)", from: "index_topk", planned: 448, change: bug("D6", /lack the ReLU/) },
  {
    name: "dense (G32)",
    ...{ from: "index_topk", planned: 1040 },
    change: bug("G32", /nothing is dropped/),
  },
  {
    name: "rope base 99,000",
    ...{ from: "start", isQuiet: true },
    change: withConfig(() => ({ ropeTheta: 99_000 })),
  },
  {
    name: "router in bf16 (G35)",
    from: "start",
    isQuiet: true,
    change: bug("G35", /matrix product/),
  },
  { name: "no bias (G10)", from: "index_topk", isQuiet: true, change: bug("G10", /no bias/) },
];

/** The mutant of a bug whose description has some words. */
function bug(number: Bug, words: RegExp): (right: CaseModel) => CaseModel {
  const found = MISTAKES.find((one) => one.bug === number && words.test(one.what));
  if (!found) throw new Error(`expected a mutant of ${number} with ${words}, found none`);
  return found.change;
}
