/**
 * An explanation in a sentence, with its evidence, and what to do next.
 * @module
 */
import { parseStage } from "../../../engine/trace/stage-names.ts";
import type { OffDump } from "../diagnose/suspects.ts";
import type { Bug } from "../mutants/bugs.ts";
import { ROLES, type Role, shownBy } from "./roles.ts";
import type { Runner } from "./runner.ts";
import { beginOf } from "./search.ts";
import type { Target } from "./target.ts";
import type { Relation } from "./variant.ts";
import type { Verified } from "./verify.ts";
import { rowsText } from "./where.ts";

/** Why the first wrong stage is what it is. */
export interface Explanation {
  /** The kind of relation; `none` where nothing was found. */
  readonly relation: Relation | "none";
  /** The stage that is explained. */
  readonly stage: string;
  /** How much of the squared difference is explained, or of the rows that choose otherwise. */
  readonly share: number;
  /** What the engine does, and what speaks for it. */
  readonly sentence: string;
  /** The operation of the engine to look at. */
  readonly lookAt: string;
  /** What to print there. */
  readonly printNext: string;
  /** Its number in the atlas of known mistakes, where it has one. */
  readonly bug?: Bug;
  /** Whether it gives the whole dump. */
  readonly fits: boolean;
  /** Others that do as well, in a sentence each. */
  readonly also: readonly string[];
}

/** At most so many others are told. */
const MOST_OTHERS = 3;

/** Chooses what is told, and tells it. */
export function tell(
  off: OffDump,
  target: Target | undefined,
  plain: Runner,
  found: readonly Verified[],
): Explanation {
  const [best, ...ties] = bestOf(found);
  if (!best) return nothing(off, target, plain);
  const also = [...new Set(ties.filter((one) => !best.bug || one.bug !== best.bug).map(nameOf))];
  const { relation, bug, fits, match } = best;
  return {
    relation,
    stage: off.firstOff,
    share: match.share,
    sentence: sentenceOf(off, target, best),
    lookAt: lookAt(off, plain, best.role),
    printNext: printNext(off, target, plain),
    ...(bug && { bug }),
    fits,
    also: also.filter((name) => name !== nameOf(best)).slice(0, MOST_OTHERS),
  };
}

/** Smaller is better: the whole dump, then all rows of the stage, then nothing left but rounding. */
const classOf = ({ fits, match }: Verified): number =>
  (fits ? 0 : 4) + (match.isPartial ? 2 : 0) + (match.isExact ? 0 : 1);

/** Those that do better than all others, and as well as each other, in their order. */
function bestOf(found: readonly Verified[]): Verified[] {
  const least = Math.min(...found.map(classOf));
  const best = found.filter((one) => classOf(one) === least);
  const left = Math.min(...best.map(({ match }) => 1 - match.share));
  const score = Math.min(...best.map((one) => one.score));
  return best.filter(
    (one) => 1 - one.match.share <= TIE * left + NO_SHARE && one.score <= TIE * score + NO_SCORE,
  );
}

/** Of two that do as well, one may leave this many times as much as the other, */
const TIE = 3;
/** or a share that is nothing, */
const NO_SHARE = 1e-9;
/** and be as near to the rest of the dump. */
const NO_SCORE = 0.01;

const nameOf = ({ bug, what, place, relation }: Verified): string => {
  const own = bug && relation === "atlas" ? `${bug}: ${what}` : what;
  return [own, place].filter((part) => part !== "").join(", ");
};

function percent(share: number): string {
  const value = 100 * share;
  if (value > 99.9995) return "100 %";
  return `${value.toPrecision(value > 99 ? 4 : 3)} %`;
}

function sentenceOf({ firstOff }: OffDump, target: Target | undefined, one: Verified): string {
  const isChoice = target?.want.data instanceof Int32Array;
  const { match, fits, leaves } = one;
  const number = one.bug && one.relation !== "atlas" ? ` (${one.bug} in the atlas)` : "";
  const rows = target && match.isPartial ? ` in ${rowsText(target.off, target.rows)}` : "";
  const share = isChoice
    ? `all ${target.off.length} rows of ${firstOff} that choose otherwise`
    : `${percent(match.share)} of the difference of ${firstOff}`;
  const rest = fits
    ? "and the rest of the dump"
    : leaves === undefined || leaves === firstOff
      ? "but not what comes after it"
      : `and what comes after it up to ${leaves}`;
  return `${nameOf(one)}${number}${rows}: this explains ${share}, ${rest}`;
}

function lookAt({ firstOff }: OffDump, plain: Runner, role: Role | undefined): string {
  const done = plain.base[plain.indexOf(firstOff)];
  const part = role ?? done?.role;
  if (!part) return firstOff;
  const layer = done && done.layer >= 0 ? ` in layer ${done.layer}` : "";
  return `${ROLES[part]}${layer}`;
}

/** Stages between the last right residual stream and the wrong stage that the dump lacks. */
function lacking({ dump, firstOff, ...judged }: OffDump, plain: Runner): string[] {
  const begin = beginOf(plain, { dump, ...judged }, firstOff);
  const span = plain.base.slice(begin, plain.indexOf(firstOff));
  const n = plain.right.config.numHiddenLayers;
  const names = span.flatMap((done) =>
    shownBy(done, done.result, done.layer >= n).map(([name]) => name),
  );
  return [...new Set(names)].filter((name) => !dump.has(name));
}

const MOST_NAMES = 8;

/** What layers hand to the next; where several are missing, they tell the layer first. */
const BETWEEN = ["l_out", "top_k"];

function printNext(off: OffDump, target: Target | undefined, plain: Runner): string {
  const missing = lacking(off, plain);
  const between = missing.filter((name) => BETWEEN.includes(parseStage(name).stage));
  if (between.length > 1) {
    const some = between.slice(0, 2 * MOST_NAMES).join(", ");
    return `add to the dump what layers hand on: ${some}; then the first wrong layer is known`;
  }
  if (missing.length > 0) {
    const more = missing.length > MOST_NAMES ? ", …" : "";
    return `add to the dump what the model makes on the way: ${missing.slice(0, MOST_NAMES).join(", ")}${more}`;
  }
  const row = target?.off[0];
  const where = row === undefined ? "" : ` of row ${row}`;
  return `what goes into that operation, and what comes out of it${where}`;
}

function nothing(off: OffDump, target: Target | undefined, plain: Runner): Explanation {
  const begin = beginOf(plain, off, off.firstOff);
  const end = plain.indexOf(off.firstOff);
  const parts = [...new Set(plain.base.slice(begin, end + 1).map(({ role }) => ROLES[role]))];
  const rows = target ? `; off are ${rowsText(target.off, target.rows)}` : "";
  const some = parts.slice(-3).join(", ");
  return {
    relation: "none",
    stage: off.firstOff,
    share: 0,
    sentence: `no relation explains ${off.firstOff}${rows}`,
    lookAt: parts.length > 3 ? `what is on the way to ${off.firstOff}: …, ${some}` : some,
    printNext: printNext(off, target, plain),
    fits: false,
    also: [],
  };
}
