/**
 * What caches of experts make of a sequence of demands. A demand is a set of experts that one layer
 * wants at once: those of one token, or of all tokens of a step.
 *
 * All keys of a demand are looked for before any of them is admitted. A cache that admits one after
 * the other evicts what the same token still wants: with as many slots as a token visits experts, it
 * loses a third of its hits.
 *
 * | policy | keeps | |
 * |---|---|---|
 * | `lru`    | what was used last | |
 * | `slru`   | what was used twice, in half of the slots; of the rest what came last | Karedla, Love & Wherry 1994 |
 * | `lfru`   | what was used most, where a use counts 0.9 times as much with each step | |
 * | `belady` | what is used again soonest; needs the future, and no policy has more hits | Belady 1966, with bypass |
 *
 * Next: best-kept.ts, replay.ts
 * @module
 */
import { log } from "../../engine/numbers/math.ts";
import { BestKept } from "./best-kept.ts";

/** The names of the policies. */
export const POLICIES = ["lru", "slru", "lfru", "belady"] as const;

/** Which keys a cache keeps when it has too little room for all. */
export type Policy = (typeof POLICIES)[number];

/** What a use counts after one more step, for `lfru`. */
const DECAY = 0.9;

/** A sequence of demands. */
export interface Demands {
  /** How many there are. */
  readonly length: number;
  /** How many belong to one step of the model: 1 for the demands of one layer. */
  readonly perStep: number;
  /** Keys are integers below this. */
  readonly nKeys: number;
  /** The keys of a demand, all different. */
  keysAt(demand: number): readonly number[];
}

/** Looks for the keys of a demand, then admits what the policy likes. Returns the number of hits. */
type Visit = (keys: readonly number[], demand: number) => number;

/** The number of hits that each demand has in a cache of `slots` keys, which is empty at first. */
export function hitsOf(policy: Policy, demands: Demands, slots: number): Int32Array<ArrayBuffer> {
  const visit = VISITS[policy](demands, slots);
  return Int32Array.from({ length: demands.length }, (_, i) => visit(demands.keysAt(i), i));
}

const VISITS: Readonly<Record<Policy, (demands: Demands, slots: number) => Visit>> = {
  lru: ({ nKeys }, slots) => {
    let use = 0;
    return ranked(slots, nKeys, () => use++);
  },
  slru: (_, slots) => segmented(slots),
  lfru: ({ perStep, nKeys }, slots) => {
    const [heats, steps] = [new Float64Array(nKeys), new Float64Array(nKeys)];
    return ranked(slots, nKeys, (key, demand) => {
      const step = Math.floor(demand / perStep);
      heats[key] = 1 + heats[key] * DECAY ** (step - steps[key]);
      steps[key] = step;
      return log(heats[key]) - step * log(DECAY); // all heats decay alike, so their order stays
    });
  },
  belady: (demands, slots) => {
    const next = nextDemands(demands);
    let use = 0;
    return ranked(slots, demands.nKeys, () => -next[use++]);
  },
};

/**
 * A cache that keeps the keys with the highest ranks.
 *
 * @param rank of a key that is used now; called once for each key of each demand, in their order
 */
function ranked(
  slots: number,
  nKeys: number,
  rank: (key: number, demand: number) => number,
): Visit {
  const kept = new BestKept(slots, nKeys);
  return (keys, demand) => {
    const hits = countHits(keys, kept);
    for (const key of keys) kept.put(key, rank(key, demand));
    kept.trim();
    return hits;
  };
}

/** A cache whose keys must be used twice to stay longer. A set lists its keys in the order of their use. */
function segmented(slots: number): Visit {
  const once = new Set<number>();
  const again = new Set<number>();
  const has = (key: number): boolean => once.has(key) || again.has(key);
  const evict = (set: Set<number>): number => {
    const [oldest] = set;
    set.delete(oldest);
    return oldest;
  };
  return (keys) => {
    const hits = countHits(keys, { has });
    for (const key of keys) {
      const set = has(key) ? again : once;
      once.delete(key);
      again.delete(key);
      set.add(key);
    }
    while (again.size > slots / 2) once.add(evict(again));
    while (once.size + again.size > slots) evict(once.size > 0 ? once : again);
    return hits;
  };
}

function countHits(keys: readonly number[], cache: { has(key: number): boolean }): number {
  return keys.reduce((n, key) => n + (cache.has(key) ? 1 : 0), 0);
}

/** For each key of each demand, the next demand that has this key, or Infinity. */
function nextDemands(demands: Demands): Float64Array {
  const next: number[] = [];
  const seen = new Float64Array(demands.nKeys).fill(Number.POSITIVE_INFINITY);
  for (let i = demands.length - 1; i >= 0; i--) {
    const keys = demands.keysAt(i);
    for (let k = keys.length - 1; k >= 0; k--) {
      next.push(seen[keys[k]]);
      seen[keys[k]] = i;
    }
  }
  return Float64Array.from(next.reverse());
}
