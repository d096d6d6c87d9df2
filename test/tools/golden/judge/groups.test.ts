/** Tests which choices of experts in groups rounding can make, against engines that choose. */
import { describe, expect, it } from "vitest";
import { isPossible } from "../../../../tools/golden/judge/groups.ts";
import { compareSelections } from "../../../../tools/golden/judge/selections.ts";
import { gaussians } from "../../../support/random.ts";

const GROUPS = { size: 4, open: 2 };
const N = 16;
const K = 3;

/** The experts that an engine chooses: the best of the two groups with the best sums. */
function choose(scores: readonly number[]): number[] {
  const sum = (g: number): number => {
    const [first = 0, second = 0] = scores.slice(4 * g, 4 * g + 4).sort((a, b) => b - a);
    return first + second;
  };
  const open = [0, 1, 2, 3].sort((a, b) => sum(b) - sum(a)).slice(0, GROUPS.open);
  return scores
    .map((_, expert) => expert)
    .filter((expert) => open.includes(Math.floor(expert / 4)))
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
    .slice(0, K)
    .sort((a, b) => a - b);
}

const tensor = (data: Int32Array | Float64Array) => ({ shape: [1, data.length], data });
const report = (got: readonly number[], right: readonly number[], bound: number) =>
  compareSelections(
    tensor(Int32Array.from(got)),
    tensor(Int32Array.from(choose(right))),
    tensor(Float64Array.from(right)),
    Array(N).fill(bound),
    GROUPS,
  );

describe("experts in groups", () => {
  const BOUND = 0.1;
  it("what an engine chooses whose scores are within the bounds is always possible", () => {
    let nTurned = 0;
    for (let seed = 0; seed < 300; seed++) {
      const right = [...gaussians(N, seed)];
      const noise = [...gaussians(N, 1000 + seed)];
      const got = choose(right.map((x, i) => x + Math.max(-1, Math.min(1, noise[i] ?? 0)) * BOUND));
      const { equal, unexplained } = report(got, right, BOUND);
      nTurned += 1 - equal;
      expect([seed, unexplained]).toEqual([seed, 0]);
    }
    expect(nTurned).toBeGreaterThan(10);
  });

  it("what one chooses that leaves out the groups is not, where that is another choice", () => {
    let nOther = 0;
    for (let seed = 0; seed < 100; seed++) {
      const right = [...gaussians(N, seed)];
      const plain = right
        .map((_, expert) => expert)
        .sort((a, b) => (right[b] ?? 0) - (right[a] ?? 0))
        .slice(0, K)
        .sort((a, b) => a - b);
      if (String(plain) === String(choose(right))) continue;
      nOther++;
      expect([seed, report(plain, right, 1e-9).unexplained]).toEqual([seed, 1]);
    }
    expect(nOther).toBeGreaterThan(10);
  });

  it("experts of more groups than are open are never possible", () => {
    const scores = Array.from({ length: N }, () => 1);
    expect(isPossible(new Set([0, 4, 8]), scores, scores, GROUPS)).toBe(false);
    expect(isPossible(new Set([0, 4, 5]), scores, scores, GROUPS)).toBe(true);
  });
});
