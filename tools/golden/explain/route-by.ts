/**
 * The router in plain loops, with openings where an engine may do something else.
 * @module
 */
import type { Tensor, Weight } from "../../../engine/base/tensor.ts";
import type { RouteRule, Routing } from "../../../engine/ops/ops.ts";
import { floatsOf } from "../../../engine/ops/reference/memory.ts";
import type { At } from "./variant.ts";

/** One token for the router. */
export interface Token {
  readonly logits: readonly number[];
  readonly bias: readonly number[];
  readonly rule: RouteRule;
  readonly t: number;
}

export interface RouteWays {
  /** What experts are chosen by. */
  readonly rank?: (token: Token) => readonly number[];
  /** What they weigh before the norm. */
  readonly worth?: (token: Token) => readonly number[];
  /** How many are chosen. */
  readonly count?: (k: number) => number;
  /** The chosen of those that are ranked, the best first. */
  readonly cut?: (ranked: readonly number[], k: number, token: Token) => readonly number[];
  /** Weights of the chosen, the best first, from their worths and from those of all experts. */
  readonly weigh?: (
    chosen: readonly number[],
    all: readonly number[],
    token: Token,
  ) => readonly number[];
  /** Which groups are open. */
  readonly groups?: (members: readonly (readonly number[])[]) => readonly number[];
}

export const sigmoids = ({ logits }: Token): number[] => logits.map((x) => 1 / (1 + Math.exp(-x)));
export const biased = (token: Token): number[] => sigmoids(token).map((s, e) => s + token.bias[e]);
export const sumOf = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);

export const rightWeights = (
  chosen: readonly number[],
  _all: readonly number[],
  { rule }: Token,
): number[] => {
  const sum = rule.normTopkProb ? sumOf(chosen) + 1e-20 : 1;
  return chosen.map((x) => (x / sum) * rule.scale);
};

export const descending = (
  by: readonly number[],
  of: readonly number[] = [...by.keys()],
): number[] => [...of].sort((a, b) => by[b] - by[a] || a - b);

export const twoBest = (members: readonly (readonly number[])[]): number[] =>
  members.map((worths) => sumOf(worths.toSorted((a, b) => b - a).slice(0, 2)));

/** The router, with other ways where they are given. */
export function routeBy(at: At, ways: RouteWays): Routing {
  const [logits, biasOf, rule] = at.args as [Tensor<["T", "E"]>, Weight, RouteRule];
  const { rank = biased, worth = sigmoids, count = (k: number) => k, weigh = rightWeights } = ways;
  const { cut = (ranked: readonly number[], k: number) => ranked.slice(0, k), groups = twoBest } =
    ways;
  const [nT, nE] = logits.shape;
  const bias = [...floatsOf(biasOf)];
  const k = Math.min(nE, Math.max(1, count(rule.nActive)));
  const experts = new Int32Array(nT * k).fill(-1);
  const weights = new Float64Array(nT * k);
  for (let t = 0; t < nT; t++) {
    const token: Token = { logits: [...logits.data.subarray(t * nE, (t + 1) * nE)], bias, rule, t };
    const by = rank(token);
    const chosen = cut(descending(by, openOf(by, rule, groups)), k, token);
    const all = worth(token);
    const given = weigh(
      chosen.map((e) => all[e]),
      all,
      token,
    );
    const order = chosen.map((_, a) => a).sort((a, b) => chosen[a] - chosen[b]);
    experts.set(
      order.map((a) => chosen[a]),
      t * k,
    );
    weights.set(
      order.map((a) => given[a]),
      t * k,
    );
  }
  const shape = [nT, k] as const;
  return {
    experts: { dims: ["T", "A"], shape, data: experts },
    weights: { dims: ["T", "A"], shape, data: weights },
  };
}

function openOf(
  by: readonly number[],
  rule: RouteRule,
  groups: NonNullable<RouteWays["groups"]>,
): number[] {
  const all = [...by.keys()];
  if (rule.nGroup === 1) return all;
  const size = by.length / rule.nGroup;
  const members = Array.from({ length: rule.nGroup }, (_, g) => by.slice(g * size, (g + 1) * size));
  const open = descending(groups(members)).slice(0, rule.topkGroup);
  return all.filter((e) => open.includes(Math.floor(e / size)));
}
