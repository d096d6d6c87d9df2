/**
 * Operations that choose, or that choices are made from, with ties, plateaus and near-equal scores.
 *
 * Next: op-file.ts
 * @module
 */
import type { RouteRule } from "../../../engine/ops/ops.ts";
import { keyRows } from "./cached.ts";
import { type Input, list, numbers, type OpCase, tensor, weight } from "./op-numbers.ts";

function indexScores(): OpCase {
  // Query 0: no key agrees, all scores are 0. Query 1: all votes are negative. Query 2: mixed.
  const q = numbers([3, 4, 8], 7, (v, i) => (i < 32 ? -Math.abs(v) : i < 64 ? Math.abs(v) : v));
  const k = numbers([6, 8], 8, Math.abs);
  const w = numbers([3, 4], 9, (v, i) => (i < 8 && i >= 4 ? -Math.abs(v) : v));
  const [start, scale] = [3, 32 ** -0.5];
  return {
    name: "index-scores-plateau",
    equation: "y[t,s] = scale · Σ_j w[t,j] · max(0, q[t,j] · k[s]); −∞ where s > start + t",
    breaks: "no ReLU; votes made positive; a causal mask off by one",
    numbers: { start, scale },
    inputs: { q, k, w },
    run: (ops) => ({
      y: ops.indexScores(
        tensor(ops, ["T", "idxH", "D"] as [string, "idxH", string], q),
        keyRows(ops, tensor(ops, ["S", "D"] as ["S", string], k)),
        tensor(ops, ["T", "idxH"] as [string, "idxH"], w),
        start,
        scale,
      ),
    }),
  };
}

function topK(): OpCase {
  const masked = Number.NEGATIVE_INFINITY;
  const scores = list(
    [6, 7],
    [
      ...[0, 0, 0, 0, 0, 0, 0],
      ...[1, -0, 0, 2, -0, 0, -1],
      ...[5, masked, masked, masked, masked, masked, masked],
      ...[-3, -1, -2, -5, -4, -7, -6],
      ...[1e-45, 0, 3e38, -3e38, 1e-38, 2, 2],
      ...[4, 3, 3, 3, 3, 1, masked],
    ],
  );
  return {
    name: "top-k-ties",
    equation:
      "the k largest of each row, ascending, −1 where fewer are visible; of equals the first",
    breaks: "ties dropped or given to the last; zero taken for empty; masked rows chosen",
    numbers: { k: 3 },
    inputs: { scores },
    run: (ops) => ({ y: ops.topK(tensor(ops, ["T", "S"] as [string, "S"], scores), 3) }),
  };
}

function route(name: string, breaks: string, rule: RouteRule, bias: Input, size: number): OpCase {
  const logits = numbers([4, bias.data.length], 14, (v) => v * size);
  return {
    name,
    equation:
      "s = sigmoid(logits[t]); the nActive largest s + bias (of the topkGroup groups with the largest sum of their two best) are chosen; weights = scale · s / Σ s",
    breaks,
    numbers: { ...rule },
    inputs: { logits, bias },
    run: (ops) => {
      const x = tensor(ops, ["T", "E"] as ["T", "E"], logits);
      const { experts, weights } = ops.route(x, weight(ops, ["E"], bias), rule);
      return { experts, y: weights };
    },
  };
}

const PLAIN = { nActive: 2, nGroup: 1, topkGroup: 1, normTopkProb: true, scale: 2.5 };

/** All of them. */
export const CHOICE_CASES: readonly OpCase[] = [
  indexScores(),
  topK(),
  route(
    "route-near-equal",
    "the bias in bf16; weights from biased scores; the scale forgotten",
    PLAIN,
    numbers([8], 19, (_v, i) => 6.817 + 0.001 * ((i * 5) % 8)),
    0.02,
  ),
  route(
    "route-groups",
    "closed groups masked with 0, which beats a negative score; the best expert taken for the group",
    { ...PLAIN, nGroup: 4, topkGroup: 2, nActive: 3 },
    numbers([12], 20, (v) => v - 2),
    2,
  ),
];
