/** Tests the statistics by simulation: they accuse as seldom as they say, and they find what is there. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { Bets, observationsOf, signFlip } from "../../../tools/verify/bets.ts";

/** The verdict of bets on observations with a mean, and how many it took. */
function played(seed: number, mean: number, most: number): ["above" | "below" | undefined, number] {
  const random = seededRandom(seed);
  const bets = new Bets(0.05);
  while (bets.verdict === undefined && bets.count < most) {
    // Squares of uniform numbers have a mean of a third: many small ones, and some large ones.
    bets.add(Math.min(1, 3 * mean * random() ** 2));
  }
  return [bets.verdict, bets.count];
}

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

describe("bets", () => {
  it("are not won by chance, however long they go on", () => {
    const won = SEEDS.filter((seed) => played(seed, 0.05, 2000)[0] !== undefined);
    expect(won.length).toBeLessThanOrEqual(2);
  });
  it("find a drift above, and one below", () => {
    for (const seed of SEEDS.slice(0, 50)) {
      expect(played(seed, 0.19, 200)[0]).toBe("above");
      expect(played(seed, 0.01, 400)[0]).toBe("below");
    }
  });
  it("need few observations where nothing drifts at all", () => {
    expect(played(0, 0, 1000)).toEqual(["below", expect.any(Number)]);
    expect(played(0, 0, 1000)[1]).toBeLessThan(170);
  });
});

describe("observations", () => {
  it("are cut off at 1, and averaged over 16 neighbours", () => {
    expect(observationsOf([...Array(16).fill(0.5), ...Array(16).fill(7), 9])).toEqual([0.5, 1]);
  });
});

describe("a sign flip", () => {
  it("is exact: one of all signs is as large", () => {
    expect(signFlip([1, 2, 3])).toBe(1 / 8);
    expect(signFlip([-1, -2, -3])).toBe(1);
    expect(signFlip([1, -1])).toBe(3 / 4);
  });
});
