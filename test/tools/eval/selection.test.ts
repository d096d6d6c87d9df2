/** Tests of the statistics of selections: by brute force, and on a model whose answer is known. */

import { describe, expect, it } from "vitest";
import { newModelCache, referenceOps, Session, seededRandom } from "../../../engine/index.ts";
import { positionsFrom } from "../../../engine/numbers/rope-table.ts";
import { watchMass } from "../../../tools/eval/attention-mass.ts";
import { observe } from "../../../tools/eval/observe.ts";
import {
  boundary,
  type Choices,
  distances,
  distinctRows,
  layerOverlap,
  lruMissShare,
  overlap,
  temporalOverlap,
} from "../../../tools/eval/selection.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const K = 5;

/** Random choices of `n` queries: up to K positions, none of them after the query's own. */
function randomChoices(n: number, seed: number): number[][] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, (_, t) => {
    const chosen = new Set<number>();
    while (chosen.size < Math.min(K, t + 1)) chosen.add(Math.floor(random() * (t + 1)));
    return [...chosen].sort((a, b) => a - b);
  });
}

const [a, b] = [randomChoices(60, 1), randomChoices(60, 2)];
const average = (numbers: number[]): number => numbers.reduce((x, y) => x + y) / numbers.length;

describe("statistics of selections", () => {
  it("overlap counts what both have, also when one of them moves along", () => {
    expect(overlap([1, 2, 3, 4], [3, 4, 5, 6])).toBe(0.5);
    expect(overlap([4, 5, 9], [3, 4, 7], 1)).toBe(2 / 3);
    const both = a.map((row, t) => row.filter((s) => b[t].includes(s)).length / row.length);
    expect(layerOverlap(a, b, 10)).toBeCloseTo(average(both.slice(10)), 12);
    expect(layerOverlap(a, a, 0)).toBe(1);
  });

  it("temporal overlap looks at the query before, and shifts by one", () => {
    const window: Choices = Array.from({ length: 40 }, (_, t) => [t - 3, t - 2, t - 1, t]);
    expect(temporalOverlap(window, 10, 0)).toBe(0.75);
    expect(temporalOverlap(window, 10, 1)).toBe(1);
    const brute = a
      .slice(1)
      .map((row, t) => row.filter((s) => a[t].includes(s)).length / row.length);
    expect(temporalOverlap(a, 0, 0)).toBeCloseTo(average(brute), 12);
  });

  it.each([1, 4, 7, 20, 100])("LRU misses with room for %d rows are those of a list", (room) => {
    let list: number[] = [];
    let [nMissed, nAsked] = [0, 0];
    a.forEach((row, t) => {
      for (const s of row) {
        if (t >= 15) {
          nAsked++;
          if (!list.includes(s)) nMissed++;
        }
        list = [s, ...list.filter((other) => other !== s)].slice(0, room);
      }
    });
    expect(lruMissShare(a, 15, room)).toBe(nMissed / nAsked);
  });

  it("distinct rows and distances add up", () => {
    const parts = [10, 20, 30, 40, 50].map((t) => new Set(a.slice(t, t + 10).flat()).size);
    expect(distinctRows(a, 10, 10)).toBe(average(parts));
    const shares = distances(a, 20);
    expect(shares.reduce((x, y) => x + y)).toBeCloseTo(1, 12);
    const near = a.slice(20).flatMap((row, i) => row.filter((s) => s === 20 + i)).length;
    expect(shares[0]).toBeCloseTo(near / a.slice(20).flat().length, 12);
  });

  it("a boundary counts positive scores and ties with the last chosen one", () => {
    expect(boundary([3, 0, 1, 1, 1, -2], 2)).toEqual({ nPositive: 4, nTied: 3 });
    expect(boundary([0, 0, 0, 5], 2)).toEqual({ nPositive: 1, nTied: 3 });
    expect(boundary([2, 1], 8)).toEqual({ nPositive: 2, nTied: 1 });
  });
});

describe("what a model is seen to do", () => {
  const text = randomTokens(300, 32, 3);
  const task = { prompt: text, answer: [1], needle: [5, 6] };

  it("attention mass: all of it where everything is chosen", () => {
    const model = tinyModel({ index_topk: 500 }, referenceOps("f64"));
    const shares: number[] = [];
    const ops = watchMass(model.ops, ({ share }) => shares.push(share));
    new Session({ ...model, ops }).sync(text.slice(0, 128));
    expect(shares).toHaveLength(2 * 5);
    for (const share of shares) expect(share).toBeCloseTo(1, 12);
  });

  it("attention mass: rows whose weights are 1, 2, 3, … give the share that one can count", () => {
    const ops = referenceOps("f64");
    const { config } = tinyModel({}, ops);
    const { latent } = newModelCache(ops, config).layers[0];
    const nRows = 10;
    const row = (s: number): number[] => [Math.log(s + 1), 0, 0, 0, 0, 0, 0, 0];
    const rows = Array.from({ length: nRows }, (_, s) => row(s)).flat();
    const past = latent.append(
      positionsFrom(0, nRows),
      ops.tensor(["T", "kvLora"], [nRows, 8], rows),
      ops.tensor(["T", "rope"], [nRows, 4], new Array(4 * nRows).fill(0)),
    );
    const shares: number[] = [];
    const watched = watchMass(ops, ({ share }) => shares.push(share));
    const q = ops.tensor(["T", "H", "kvLora"], [1, 1, 8], [1, 0, 0, 0, 0, 0, 0, 0]);
    const qPe = ops.tensor(["T", "H", "rope"], [1, 1, 4], [0, 0, 0, 0]);
    const topK = { dims: ["T", "K"], shape: [1, 3], data: Int32Array.of(1, 4, -1) } as const;
    watched.latentAttention(q, qPe, past, topK, 1);
    expect(shares[0]).toBeCloseTo((2 + 5) / 55, 12);
  });

  it("a sparse one: shares of 0 … 1, one row per layer that chooses, the same twice", () => {
    const model = tinyModel({}, referenceOps());
    const seen = observe(model, task);
    expect(seen.layers.map(({ layer }) => layer)).toEqual([0, 1, 3]);
    expect(seen.mass.map(({ type }) => type)).toEqual(["full", "full", "shared", "full", "shared"]);
    for (const [i, own] of seen.layers.entries()) {
      expect(own.overlap[i]).toBe(1);
      const shares = [...own.overlap, own.temporal, own.needleRecall, ...own.lruMisses];
      for (const share of shares) expect(share >= 0 && share <= 1).toBe(true);
      const sorted = [...own.lruMisses].sort((x, y) => y - x);
      expect(own.lruMisses).toEqual(sorted); // more room never misses more
    }
    for (const { least, mean } of seen.mass) {
      expect(least).toBeGreaterThan(0);
      expect(mean).toBeLessThan(1);
    }
    expect(observe(model, task)).toEqual(seen);
  });
});
