/**
 * Finds the variants that make the first wrong stage of a dump what it is.
 *
 * 1. The model runs on as many tokens as it takes to see a few of the rows that are off (first-rows.ts).
 * 2. Each variant is put in between the last residual stream that the dump has right and the stage that
 *    is wrong: first in all layers there, then, if none explains the stage, in one layer alone.
 * 3. Those that explain the stage are run on all tokens, and compared with the whole dump (verify.ts).
 *
 * Next: verify.ts, explain.ts
 * @module
 */
import { parseStage } from "../../../engine/trace/stage-names.ts";
import type { Pause } from "../case/pause.ts";
import type { Judged } from "../judge/judge.ts";
import type { Role } from "./roles.ts";
import type { Runner, Where } from "./runner.ts";
import { isGood, type Match, matchOf, type Target } from "./target.ts";
import type { Variant } from "./variant.ts";

/** A variant that explains the stage. */
export interface Found {
  readonly variant: Variant;
  /** The one layer that is changed; undefined where all are. */
  readonly layer: number | undefined;
  readonly match: Match;
}

/** Work at which a search gives up: calls of operations, times tokens. */
const MOST_WORK = 2e6;

/** The same for a search on all tokens, which is for the few variants that look at later ones. */
export const LITTLE_WORK = 5e5;

/** The first call after the last residual stream that is right; 0 where the dump has none. */
export function beginOf(runner: Runner, { judgement }: Judged, stage: string): number {
  const end = runner.indexOf(stage);
  const cuts = judgement.stages
    .filter(({ name, verdict }) => verdict === "ok" && CUTS.includes(parseStage(name).stage))
    .map(({ name }) => runner.indexOf(name))
    .filter((index) => index < end);
  return cuts.length > 0 ? Math.max(...cuts) + 1 : 0;
}

/** Stages that all later ones depend on through no other. */
const CUTS = ["inp_embd", "ffn_inp", "l_out", "result_norm"];

/** Where to search. */
export interface Field {
  readonly runner: Runner;
  readonly target: Target;
  /** The first call that may be changed. */
  readonly begin: number;
}

/** The sites of a field that a variant is put into. */
const placeIn =
  (begin: number, layer: number | undefined): Where =>
  (site, index) =>
    index >= begin && (layer === undefined || site.layer === layer);

/**
 * Whether a variant explains the target. An operation whose result no stage shows must leave nothing but
 * rounding: what it makes can be like many a thing from far away.
 */
function isFound({ variant, match }: Pick<Found, "variant" | "match">, shows: ReadonlySet<string>) {
  const isShown = Object.keys(variant.changes).some((role) => shows.has(role));
  return isGood(match) && (match.isExact || isShown);
}

/** The same variants on other tokens: those that explain the target there. */
export function again({ runner, target, begin }: Field, found: readonly Found[]): Found[] {
  const shows = new Set<string>([runner.base[runner.indexOf(target.stage)]?.role ?? ""]);
  return found.flatMap(({ variant, layer }) => {
    const stages = runner.run(variant.changes, placeIn(begin, layer), target.stage);
    const one = { variant, layer, match: matchOf(target, stages?.get(target.stage)) };
    return isFound(one, shows) ? [one] : [];
  });
}

/** The variants that explain the target, in their own order. */
export async function search(
  { runner, target, begin }: Field,
  variants: readonly Variant[],
  pause: Pause = () => {},
  most = MOST_WORK,
): Promise<Found[]> {
  const { stage } = target;
  const enough = runner.work + most;
  const end = runner.indexOf(stage);
  const span = runner.base.slice(begin, end + 1);
  const shows = new Set<string>([runner.base[end]?.role ?? ""]);
  const inSpan = new Set<Role>(span.map(({ role }) => role));
  const layers = [...new Set(span.map(({ layer }) => layer))];
  const usable = variants.filter(({ changes }) =>
    Object.keys(changes).some((role) => inSpan.has(role as Role)),
  );
  const tried = async (layer: number | undefined): Promise<Found[]> => {
    const where = placeIn(begin, layer);
    const found: Found[] = [];
    for (const [i, variant] of usable.entries()) {
      if (runner.work > enough) break;
      if (i % 16 === 0) await pause(i, usable.length);
      const stages = runner.run(variant.changes, where, stage);
      const match = matchOf(target, stages?.get(stage));
      if (isFound({ variant, match }, shows)) found.push({ variant, layer, match });
    }
    return found;
  };
  const everywhere = await tried(undefined);
  if (everywhere.some(({ match }) => match.isExact) || layers.length < 2) return everywhere;
  const alone: Found[] = [];
  for (const layer of layers) alone.push(...(await tried(layer)));
  return [...everywhere, ...alone];
}
