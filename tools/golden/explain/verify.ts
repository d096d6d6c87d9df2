/**
 * Puts what explains the first wrong stage beside the whole dump.
 *
 * A mistake is mostly in all layers, as one line of code is; or in those of one kind, or in one. The
 * widest place is told in which it gives the dump.
 *
 * Next: explanation.ts
 * @module
 */

import { parseStage } from "../../../engine/trace/stage-names.ts";
import type { GoldenTensor } from "../case/case.ts";
import { beside, closeness, type OffDump } from "../diagnose/suspects.ts";
import type { Bug } from "../mutants/bugs.ts";
import type { Role, Site, Stages } from "./roles.ts";
import type { Runner } from "./runner.ts";
import type { Found } from "./search.ts";
import type { Match } from "./target.ts";
import type { Relation } from "./variant.ts";

/** What explains the first wrong stage, and what it makes of the rest. */
export interface Verified {
  readonly relation: Relation;
  readonly what: string;
  /** The part to look at. */
  readonly role: Role | undefined;
  readonly bug?: Bug;
  /** Where it is put in, in words; empty for everywhere. */
  readonly place: string;
  readonly match: Match;
  /** Whether it gives the whole dump. */
  readonly fits: boolean;
  /** How far the whole dump is from what it gives; suspects.ts defines it. */
  readonly score: number;
  /** The first stage where the dump is not what it gives. */
  readonly leaves: string | undefined;
}

/** At most so many are put beside the whole dump. */
const MOST = 16;

type Place = readonly [place: string, has: (site: Site) => boolean];

/** The places that a mistake may be in, the widest first. */
function placesOf(
  { right: { config } }: Runner,
  stage: string,
  layer: number | undefined,
): Place[] {
  const n = config.numHiddenLayers;
  const ofKind = (kinds: readonly string[], kind: string, mtp: string) => (site: Site) =>
    (site.layer >= n ? mtp : kinds[site.layer]) === kind;
  const { number } = parseStage(stage);
  const own = layer ?? number;
  const alone: Place[] =
    own === undefined || own < 0 ? [] : [[`in layer ${own} alone`, (site) => site.layer === own]];
  if (layer !== undefined) return alone;
  return [
    ["", () => true],
    ["in the main layers", ({ layer: l }) => l < n],
    ["in the layers that choose rows", ofKind(config.indexerTypes, "full", "full")],
    ["in the layers that borrow rows", ofKind(config.indexerTypes, "shared", "full")],
    ["in the dense layers", ofKind(config.mlpLayerTypes, "dense", "sparse")],
    ["in the layers with experts", ofKind(config.mlpLayerTypes, "sparse", "sparse")],
    ...(own === undefined
      ? []
      : [[`from layer ${own} on`, (site: Site) => site.layer >= own] as const]),
    ["in the MTP layer", ({ layer: l }) => l >= n],
    ...alone,
  ];
}

/** A run's choices in as many columns as the dump has. */
function asWide(run: Stages, { dump }: OffDump): Stages {
  return new Map(
    [...run].map(([name, tensor]): [string, GoldenTensor] => {
      const got = dump.get(name);
      const [nRows, width] = tensor.shape;
      const wide = got ? got.data.length / nRows : width;
      if (!got || !(tensor.data instanceof Int32Array) || wide === width || !Number.isInteger(wide))
        return [name, tensor];
      const data = new Int32Array(nRows * wide).fill(-1);
      for (let t = 0; t < nRows; t++) {
        const row = tensor.data.subarray(t * width, (t + 1) * width).filter((s) => s >= 0);
        if (row.length > wide) return [name, tensor];
        data.set(row, t * wide);
      }
      return [name, { shape: [nRows, wide], data }];
    }),
  );
}

/** Puts what was found beside the whole dump: that which leaves the least first. */
export function verified(off: OffDump, plain: Runner, found: readonly Found[]): Verified[] {
  const best = found
    .map((one, i) => ({ one, i }))
    .sort((a, b) => rankOf(a.one) - rankOf(b.one) || a.i - b.i)
    .slice(0, MOST);
  // A place that is narrower than that of one that fits makes no better explanation.
  let most = Number.POSITIVE_INFINITY;
  return best.map(({ one }) => {
    const { place, ...told } = widest(off, plain, one, most);
    if (told.fits) most = Math.min(most, place + 1);
    const words = placesOf(plain, off.firstOff, one.layer)[place]?.[0] ?? "";
    // That other layers are right is known only where the whole dump is given.
    return { ...told, place: told.fits ? words : words.replace(/ alone$/, "") };
  });
}

const rankOf = ({ match }: Found): number =>
  (match.isPartial ? 2 : 0) + (match.isExact ? 0 : 1 + (1 - match.share));

/**
 * The first of the places in which a variant gives the dump, or else the narrowest of those where it does so
 * longest: nothing speaks for a wider one.
 */
function widest(
  off: OffDump,
  plain: Runner,
  { variant, layer, match }: Found,
  most: number,
): Omit<Verified, "place"> & { readonly place: number } {
  const { relation, what, changes, bug } = variant;
  const role = Object.keys(changes)[0] as Role;
  const told = { relation, what, role, match, ...(bug && { bug }) };
  let best = {
    ...told,
    place: 0,
    fits: false,
    score: 0,
    leaves: off.firstOff as string | undefined,
  };
  for (const [place, [, has]] of placesOf(plain, off.firstOff, layer).slice(0, most).entries()) {
    const run = plain.run(changes, has);
    if (!run) continue;
    const wrong = { ...off.replayed, wanted: asWide(run, off) };
    const { fits, leaves } = beside(off, wrong);
    if (fits) {
      const { score } = closeness(off, wrong);
      return { ...told, place, fits, score, leaves: undefined };
    }
    if (leaves?.name === off.firstOff) continue;
    if (!later(off, best.leaves, leaves?.name)) best = { ...best, place, leaves: leaves?.name };
  }
  return best;
}

/** Whether stage `a` is after `b` in the model. */
function later(
  { expected: { stages } }: OffDump,
  a: string | undefined,
  b: string | undefined,
): boolean {
  const order = [...stages.keys()];
  const at = (name: string | undefined): number =>
    name === undefined ? order.length : order.indexOf(name);
  return at(a) > at(b);
}
