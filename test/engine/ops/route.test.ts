/** Tests of `route`: the choice of experts and their weights. */
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../../engine/base/tensor.ts";
import type { Ops, RouteRule } from "../../../engine/ops/ops.ts";
import { bf16 } from "../../../tools/golden/case/rounding.ts";
import { bruteForceRoute } from "../../../tools/golden/mutants/moe.ts";
import { random, randomWeight, weight } from "../../support/random.ts";
import { BACKENDS, REFERENCES } from "./backends.ts";
import { expectClose } from "./expect-close.ts";

const RULE: RouteRule = { nActive: 2, nGroup: 1, topkGroup: 1, normTopkProb: true, scale: 2.5 };

for (const backend of BACKENDS) {
  const { name, ops } = backend;
  const routeOf = (logits: number[], bias: number[], rule: Partial<RouteRule> = {}) => {
    const nE = bias.length;
    const x = ops.tensor(["T", "E"], [logits.length / nE, nE], logits);
    return ops.route(x, weight(ops, ["E"], [nE], bias), { ...RULE, ...rule });
  };

  describe(`route (${name})`, () => {
    test("the largest sigmoids are chosen, listed by id, normed to their sum and scaled", () => {
      const { experts, weights } = routeOf([0, 5, -1, 1], [0, 0, 0, 0]);
      expect([...experts.data]).toEqual([1, 3]);
      const [a, b] = [5, 1].map((x) => 1 / (1 + Math.exp(-x)));
      expectClose(backend, weights, [(2.5 * a) / (a + b), (2.5 * b) / (a + b)]);
    });

    test("the bias only selects: 16 experts, bias 7 on eight, all scores 0.5: eight weights of 2.5/8 (G36)", () => {
      const bias = Array.from({ length: 16 }, (_, e) => (e % 2 === 0 ? 7 : 0));
      const { experts, weights } = routeOf(new Array(16).fill(0), bias, { nActive: 8 });
      expect([...experts.data]).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
      expect([...ops.read(weights)]).toEqual(new Array(8).fill(2.5 / 8));
    });

    test("a biased expert is chosen over a better one and keeps its own small weight (G36)", () => {
      const { experts, weights } = routeOf([-4, 3, 2, -8], [1, 0, 0, 0]);
      expect([...experts.data]).toEqual([0, 1]);
      const [a, b] = [-4, 3].map((x) => 1 / (1 + Math.exp(-x)));
      expectClose(backend, weights, [(2.5 * a) / (a + b), (2.5 * b) / (a + b)]);
    });

    test("equal scores go to the smaller ids", () => {
      expect([...routeOf([1, 1, 1, 1], [0, 0, 0, 0]).experts.data]).toEqual([0, 1]);
      expect([...routeOf([0, 1, 1, 1], [0, 0, 0, 0]).experts.data]).toEqual([1, 2]);
    });

    test("biases of 6.817 … 7.063 in steps of 1e-3 choose as their exact values do, not as bf16 (G08)", () => {
      const bias = Array.from({ length: 247 }, (_, e) => 6.817 + 1e-3 * ((e * 101) % 247));
      const logits = new Array(247).fill(0);
      const want = [...bias.keys()].sort((x, y) => bias[y] - bias[x]).slice(0, 8);
      const chosen = (b: number[]) => [...routeOf(logits, b, { nActive: 8 }).experts.data];
      expect(chosen(bias)).toEqual(want.sort((x, y) => x - y));
      expect(chosen(bias.map(bf16))).not.toEqual(want);
    });

    test("logits that differ by 1e-4 under equal biases are told apart (G35)", () => {
      const bias = new Array(4).fill(7);
      expect([...routeOf([1, 1, 1.0001, 1.0002], bias).experts.data]).toEqual([2, 3]);
      expect([...routeOf([1, 1, 1.0001, 1.0002].map(bf16), bias).experts.data]).toEqual([0, 1]);
    });

    test("norm_topk_prob false: the sigmoids themselves, scaled", () => {
      const { weights } = routeOf([0, 0, 0, 0], [0, 0, 0, 0], { normTopkProb: false });
      expect([...ops.read(weights)]).toEqual([1.25, 1.25]);
    });

    test("the weights of a token sum to the scale", () => {
      const x = random(ops, ["T", "E"], [20, 8], 1);
      const { weights } = ops.route(x, randomWeight(ops, ["E"], [8], 2), { ...RULE, nActive: 3 });
      const w = ops.read(weights);
      for (let t = 0; t < 20; t++)
        expect(w[3 * t] + w[3 * t + 1] + w[3 * t + 2]).toBeCloseTo(2.5, 5);
    });

    test("of two groups, the one whose two best experts sum to more is open", () => {
      // Sigmoids 0.88, 0.12 against 0.62, 0.62: the best single expert is in the closed group.
      const { experts } = routeOf([2, -2, 0.5, 0.5], [0, 0, 0, 0], { nGroup: 2 });
      expect([...experts.data]).toEqual([2, 3]);
    });

    test("the experts of a closed group are out, even where open scores are negative (D9)", () => {
      const { experts } = routeOf([0, 0, 0, 0], [-3, -3, -2, -2.5], { nGroup: 2 });
      expect([...experts.data]).toEqual([2, 3]);
    });

    test("equal groups: the first is open", () => {
      expect([...routeOf([0, 0, 0, 0], [0, 0, 0, 0], { nGroup: 2 }).experts.data]).toEqual([0, 1]);
    });

    test.each([
      [1, 1],
      [2, 1],
      [4, 2],
      [4, 4],
    ])(
      "agrees with brute force for %d groups of which %d are open, over 200 tokens",
      (nGroup, topkGroup) => {
        const x = random(ops, ["T", "E"], [200, 8], nGroup);
        const bias = (where: Ops) => randomWeight(where, ["E"], [8], 2, 0.3);
        const rule = { ...RULE, nGroup, topkGroup };
        const got = ops.route(x, bias(ops), rule);
        const want = bruteForceRoute(x, bias(REFERENCES[1].ops), rule);
        expect(got.experts).toEqual(want.experts);
        expectClose(backend, got.weights, want.weights.data);
      },
    );

    test("sigmoids of ±1000 give finite weights", () => {
      const { weights } = routeOf([-1000, -1000, -1000, 1000], [9, 9, 0, 0]);
      expect([...ops.read(weights)]).toEqual([0, 0]);
    });

    test("other lengths, and more active experts than there are, are refused", () => {
      const logits = ops.tensor(["T", "E"], [1, 2], [1, 2]);
      const bias = weight(ops, ["E"], [3], [1, 2, 3]);
      expect(() => ops.route(logits, bias, RULE)).toThrow(
        new ShapeError("route: logits [T=1, E=2] against bias [E=3], 2 active"),
      );
      expect(() => routeOf([1, 2], [1, 2], { nActive: 3 })).toThrow(ShapeError);
    });
  });
}
