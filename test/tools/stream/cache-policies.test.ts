/** Tests of the policies of caches, against their definitions written down once more, and the best there is. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Demands,
  hitsOf,
  POLICIES,
  type Policy,
} from "../../../tools/stream/cache-policies.ts";

const N_KEYS = 9;

type Keys = readonly number[];

const demandsOf = (all: readonly Keys[], perStep = 1): Demands => ({
  length: all.length,
  perStep,
  nKeys: N_KEYS,
  keysAt: (i) => all[i],
});

const run = (policy: Policy, all: readonly Keys[], slots: number, perStep = 1): number[] => [
  ...hitsOf(policy, demandsOf(all, perStep), slots),
];

const total = (hits: readonly number[]): number => hits.reduce((a, b) => a + b, 0);

const key = fc.integer({ min: 0, max: N_KEYS - 1 });
const keys = fc
  .uniqueArray(key, { minLength: 1, maxLength: 4 })
  .map((all) => all.sort((a, b) => a - b));
const sequence = fc.array(keys, { maxLength: 40 });
const slotCount = fc.integer({ min: 1, max: N_KEYS });

/** A cache by its definition: after each demand, `keep` says what stays of the cache and the demand. */
function naive(
  all: readonly Keys[],
  keep: (candidates: Keys, past: readonly Keys[]) => Keys,
): number[] {
  let cache: Keys = [];
  return all.map((wanted, i) => {
    const hits = wanted.filter((k) => cache.includes(k)).length;
    cache = keep([...new Set([...cache, ...wanted])], all.slice(0, i + 1));
    return hits;
  });
}

/** The candidates with the largest values; of equal ones, those that were used later. */
function best(
  candidates: Keys,
  past: readonly Keys[],
  n: number,
  value: (key: number) => number,
): Keys {
  const uses = past.flat();
  return [...candidates]
    .sort((a, b) => value(b) - value(a) || uses.lastIndexOf(b) - uses.lastIndexOf(a))
    .slice(0, n);
}

/** The most hits that any cache can have, found by trying all contents after each demand. */
function mostHits(all: readonly Keys[], slots: number): number {
  let states = new Map<string, number>([["", 0]]);
  for (const wanted of all) {
    const next = new Map<string, number>();
    for (const [content, hits] of states) {
      const cache = content === "" ? [] : content.split(",").map(Number);
      const found = hits + wanted.filter((k) => cache.includes(k)).length;
      const candidates = [...new Set([...cache, ...wanted])].sort((a, b) => a - b);
      for (let subset = 0; subset < 2 ** candidates.length; subset++) {
        const kept = candidates.filter((_, i) => (subset >> i) & 1);
        if (kept.length > slots) continue;
        const name = kept.join();
        next.set(name, Math.max(next.get(name) ?? 0, found));
      }
    }
    states = next;
  }
  return Math.max(...states.values());
}

describe("a policy", () => {
  it("lru keeps what was used last", () => {
    fc.assert(
      fc.property(sequence, slotCount, (all, n) => {
        const want = naive(all, (candidates, past) => best(candidates, past, n, () => 0));
        expect(run("lru", all, n)).toEqual(want);
      }),
    );
  });

  it.each([1, 3])("lfru keeps what was used most, less with each step of %d demands", (perStep) => {
    const property = fc.property(sequence, slotCount, (all, n) => {
      const want = naive(all, (candidates, past) =>
        best(candidates, past, n, (k) => {
          const now = Math.floor((past.length - 1) / perStep);
          const heat = past.map((wanted, i) =>
            wanted.includes(k) ? 0.9 ** (now - Math.floor(i / perStep)) : 0,
          );
          return Number(total(heat).toFixed(9)); // sums in another order differ in their last bits
        }),
      );
      expect(run("lfru", all, n, perStep)).toEqual(want);
    });
    fc.assert(property);
  });

  it("slru lets what was used once go first", () => {
    fc.assert(
      fc.property(sequence, slotCount, (all, n) => {
        let [once, again]: [number[], number[]] = [[], []];
        const want = all.map((wanted) => {
          const cache = [...once, ...again];
          const hits = wanted.filter((k) => cache.includes(k));
          for (const k of wanted) {
            again = again.filter((other) => other !== k);
            once = once.filter((other) => other !== k);
            (cache.includes(k) ? again : once).push(k);
          }
          const nMoved = Math.max(0, again.length - Math.floor(n / 2));
          once.push(...again.splice(0, nMoved));
          const nGone = Math.max(0, once.length + again.length - n);
          again = again.slice(Math.max(0, nGone - once.length));
          once = once.slice(nGone);
          return hits.length;
        });
        expect(run("slru", all, n)).toEqual(want);
      }),
    );
  });

  it("belady has the most hits that are possible", () => {
    const short = fc.array(keys, { maxLength: 8 });
    const few = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(short, few, (all, n) => {
        expect(total(run("belady", all, n))).toBe(mostHits(all, n));
      }),
      { numRuns: 60 },
    );
  });

  it.each(POLICIES)("%s has no more hits than belady", (policy) => {
    fc.assert(
      fc.property(sequence, slotCount, (all, n) => {
        expect(total(run(policy, all, n))).toBeLessThanOrEqual(total(run("belady", all, n)));
      }),
    );
  });

  it.each(POLICIES)("%s with room for all misses first visits alone", (policy) => {
    fc.assert(
      fc.property(sequence, (all) => {
        const want = all.map((wanted, i) => {
          const before = new Set(all.slice(0, i).flat());
          return wanted.filter((k) => before.has(k)).length;
        });
        expect(run(policy, all, N_KEYS)).toEqual(want);
      }),
    );
  });

  it.each(["lru", "lfru", "belady"] as const)(
    "%s finds with one slot more what it found",
    (policy) => {
      fc.assert(
        fc.property(sequence, fc.integer({ min: 1, max: N_KEYS - 1 }), (all, n) => {
          const [fewer, more] = [run(policy, all, n), run(policy, all, n + 1)];
          expect(fewer.filter((hits, i) => hits > more[i])).toEqual([]);
        }),
      );
    },
  );

  it("that is no stack algorithm would be caught: slru lacks with more slots what it had", () => {
    const isWorse = (all: readonly Keys[], n: number): boolean => {
      const [fewer, more] = [run("slru", all, n), run("slru", all, n + 1)];
      return fewer.some((hits, i) => hits > more[i]);
    };
    const samples = fc.sample(sequence, { numRuns: 500, seed: 1 });
    expect(samples.some((all) => [1, 2, 3, 4].some((n) => isWorse(all, n)))).toBe(true);
  });
});

describe("a cache that all layers share", () => {
  /** Layers in a fixed cycle, each of which wants `nActive` of three keys of its own. */
  const cycles = (nLayers: number, nActive: number) =>
    fc
      .array(fc.array(fc.nat(2), { minLength: nLayers, maxLength: nLayers }), { maxLength: 12 })
      .map((steps) =>
        steps.flatMap((step) =>
          step.map((first, layer) =>
            Array.from({ length: nActive }, (_, a) => 3 * layer + ((first + a) % 3)),
          ),
        ),
      );

  it("and keeps what was used last hits nothing until it holds a whole cycle but one layer", () => {
    fc.assert(
      fc.property(cycles(3, 2), fc.integer({ min: 1, max: 4 }), (all, n) => {
        expect(total(run("lru", all, n, 3))).toBe(0);
        expect(total(run("lru", all, 6, 3))).toBeGreaterThanOrEqual(
          total(all.map((wanted, i) => wanted.filter((k) => all[i - 3]?.includes(k)).length)),
        );
      }),
    );
  });

  it("hits what belady says is there", () => {
    const all = [[0], [3], [6]];
    const twice = [...all, ...all, ...all];
    expect(total(run("lru", twice, 2, 3))).toBe(0);
    expect(total(run("belady", twice, 2, 3))).toBe(4);
  });
});
