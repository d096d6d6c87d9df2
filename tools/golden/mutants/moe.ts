/** Bugs of the router and of the experts. */

import { type Floats, floatsLike } from "../../../engine/base/tensor.ts";
import type { Ops, RouteRule } from "../../../engine/ops/ops.ts";
import { floatsOf } from "../../../engine/ops/reference/memory.ts";
import { bf16 } from "../case/rounding.ts";
import { type Mutant, withConfig, withOps } from "./mutant.ts";
import { mapped } from "./wrong-ops.ts";

/** What a wrong router does with a row of sigmoids and biases. */
interface Wrong {
  /** What experts are chosen by. */
  readonly rank?: (s: number, b: number) => number;
  /** What they then weigh. */
  readonly weigh?: (s: number, b: number) => number;
  /** What the experts of closed groups are chosen by. */
  readonly closed?: number;
}

/** A router by brute force. It is right in everything that `wrong` does not change. */
function routeBy(wrong: Wrong): Ops["route"] {
  const { rank = (s, b) => s + b, weigh = (s) => s, closed = -Infinity } = wrong;
  return (logits, bias, rule) => {
    const [nT, nE] = logits.shape;
    const { nActive, scale } = rule;
    const b = floatsOf(bias);
    const experts = new Int32Array(nT * nActive);
    const weights = floatsLike(logits.data, nT * nActive);
    for (let t = 0; t < nT; t++) {
      const s = Array.from(
        logits.data.subarray(t * nE, (t + 1) * nE),
        (x) => 1 / (1 + Math.exp(-x)),
      );
      const open = bestGroups(
        s.map((x, e) => rank(x, b[e])),
        rule,
      );
      const by = s.map((x, e) => (open(e) ? rank(x, b[e]) : closed));
      const chosen = best(by, nActive).sort((x, y) => x - y);
      const sum = chosen.reduce((total, e) => total + weigh(s[e], b[e]), 0);
      experts.set(chosen, t * nActive);
      weights.set(
        chosen.map((e) => (weigh(s[e], b[e]) / sum) * scale),
        t * nActive,
      );
    }
    const shape = [nT, nActive] as const;
    return {
      experts: { dims: ["T", "A"], shape, data: experts },
      weights: { dims: ["T", "A"], shape, data: weights },
    };
  };
}

function bestGroups(
  by: readonly number[],
  { nGroup, topkGroup }: RouteRule,
): (e: number) => boolean {
  const size = by.length / nGroup;
  const worth = Array.from({ length: nGroup }, (_, g) => {
    const members = by.slice(g * size, (g + 1) * size).sort((x, y) => y - x);
    return members[0] + (members[1] ?? 0);
  });
  const kept = best(worth, topkGroup);
  return (e) => kept.includes(Math.floor(e / size));
}

function best(by: readonly number[], n: number): number[] {
  return [...by.keys()].sort((x, y) => by[y] - by[x] || x - y).slice(0, n);
}

const withRoute = (route: (ops: Ops) => Ops["route"]) => withOps((ops) => ({ route: route(ops) }));

const scaled = (x: Floats, factor: number): Floats => x.map((v) => v * factor);

/** The right router by brute force. It is a control, which must pass every comparison. */
export const bruteForceRoute: Ops["route"] = routeBy({});

export const moeMutants: readonly Mutant[] = [
  {
    bug: "G08",
    what: "the correction bias is rounded to bf16",
    golden: "near-equal-bias",
    stage: "ffn_moe_topk-1",
    change: withRoute(() => routeBy({ rank: (s, b) => s + bf16(b) })),
  },
  {
    bug: "G35",
    what: "scores and bias are added in bf16",
    golden: "near-equal-bias",
    stage: "ffn_moe_topk-1",
    change: withRoute(() => routeBy({ rank: (s, b) => bf16(bf16(s) + b) })),
  },
  {
    bug: "G35",
    what: "the router's matrix product is rounded to bf16",
    golden: "tiny-all",
    stage: "ffn_moe_logits-1",
    change: withOps((ops) => ({
      linear: (x, w) =>
        String(w.dims[0]) === "E" ? mapped(ops.linear(x, w), bf16) : ops.linear(x, w),
    })),
  },
  {
    bug: "G36",
    what: "the weights are taken from the biased scores",
    golden: "near-equal-bias",
    stage: "ffn_moe_weights-1",
    change: withRoute(() => routeBy({ weigh: (s, b) => s + b })),
  },
  {
    bug: "G36",
    what: "experts are chosen without the bias",
    golden: "near-equal-bias",
    stage: "ffn_moe_topk-1",
    change: withRoute(() => routeBy({ rank: (s) => s })),
  },
  {
    bug: "G36",
    what: "routed_scaling_factor is never applied",
    golden: "tiny-all",
    stage: "ffn_moe_weights-1",
    change: withConfig(() => ({ routedScalingFactor: 1 })),
  },
  {
    bug: "G36",
    what: "routed_scaling_factor is applied to the weights and to the sum of the experts",
    golden: "tiny-all",
    stage: "ffn_moe_out-1",
    change: withOps((ops, { config }) => ({
      experts: (...args) => {
        const y = ops.experts(...args);
        return { ...y, data: scaled(y.data, config.routedScalingFactor) };
      },
    })),
  },
  {
    bug: "G36",
    what: "the shared expert is scaled as well",
    golden: "tiny-all",
    stage: "ffn_shexp-1",
    change: withOps((ops, { config }) => ({
      siluMul: (gate, up) => {
        const y = ops.siluMul(gate, up);
        const isShared = String(gate.dims[1]) === "shared";
        return isShared ? { ...y, data: scaled(y.data, config.routedScalingFactor) } : y;
      },
    })),
  },
  {
    bug: "D9",
    what: "the weights are not normed to their sum",
    golden: "tiny-all",
    stage: "ffn_moe_weights-1",
    change: withConfig(() => ({ normTopkProb: false })),
  },
  {
    bug: "D9",
    what: "experts of closed groups are masked with 0, which beats a negative score",
    golden: "groups2-bias",
    stage: "ffn_moe_topk-1",
    change: withRoute(() => routeBy({ closed: 0 })),
  },
  {
    bug: "G39",
    what: "gate and up are swapped in the experts",
    golden: "tiny-all",
    stage: "ffn_moe_out-1",
    change: withOps((ops) => ({
      experts: (x, routing, bank) =>
        ops.experts(x, routing, {
          ...bank,
          bringIn: (wanted, from) =>
            bank.bringIn(wanted, from).map(({ gate, up, down }) => ({ gate: up, up: gate, down })),
        }),
    })),
  },
];
