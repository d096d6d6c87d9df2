/**
 * The router: another choice of experts, other weights.
 * @module
 */
import type { Indices, Tensor, Weight } from "../../../../engine/base/tensor.ts";
import type { RouteRule, Routing } from "../../../../engine/ops/ops.ts";
import { bf16 } from "../../case/rounding.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { shares, softmax } from "../loops.ts";
import { ROLES } from "../roles.ts";
import {
  biased,
  descending,
  type RouteWays,
  rightWeights,
  routeBy,
  sigmoids,
  sumOf,
  type Token,
  twoBest,
} from "../route-by.ts";
import { type At, rightOf, type Variant } from "../variant.ts";

const ROUTES: readonly (readonly [
  what: string,
  ways: RouteWays | ((at: At) => RouteWays),
  bug?: Bug | undefined,
])[] = [
  ["chooses without the bias", { rank: sigmoids }, "G36"],
  ["weighs with the bias", { worth: biased }, "G36"],
  ["takes the bias away", { rank: (x) => sigmoids(x).map((s, e) => s - x.bias[e]) }],
  [
    "adds the bias to the logits, to choose",
    { rank: (x) => x.logits.map((l, e) => l + x.bias[e]) },
  ],
  [
    "adds the bias to the logits, to choose and to weigh",
    { rank: (x) => withBias(x), worth: (x) => withBias(x) },
  ],
  ["adds the bias twice", { rank: (x) => sigmoids(x).map((s, e) => s + 2 * x.bias[e]) }],
  [
    "rounds the bias to bf16",
    { rank: (x) => sigmoids(x).map((s, e) => s + bf16(x.bias[e])) },
    "G08",
  ],
  [
    "adds scores and bias in bf16",
    { rank: (x) => sigmoids(x).map((s, e) => bf16(bf16(s) + x.bias[e])) },
    "G35",
  ],
  [
    "has a softmax over all experts instead of sigmoids",
    {
      rank: (x) => softmax(x.logits).map((s, e) => s + x.bias[e]),
      worth: (x) => softmax(x.logits),
    },
  ],
  ["has a softmax over all experts for the weights", { worth: (x) => softmax(x.logits) }],
  [
    "has a softmax over all experts, and no bias",
    { rank: (x) => softmax(x.logits), worth: (x) => softmax(x.logits) },
  ],
  [
    "has a softmax over the chosen experts' logits for the weights",
    {
      worth: ({ logits }) => logits,
      weigh: (chosen, _all, { rule }) => softmax(chosen).map((p) => p * rule.scale),
    },
  ],
  [
    "has a softmax over the chosen experts' sigmoids",
    { weigh: (chosen, _all, { rule }) => softmax(chosen).map((p) => p * rule.scale) },
  ],
  ["weighs by the logits themselves", { worth: ({ logits }) => logits }],
  ["chooses by the logits without sigmoid", { rank: ({ logits }) => logits }],
  [
    "rectifies the logits instead of a sigmoid",
    { worth: ({ logits }) => logits.map((x) => Math.max(x, 0)) },
  ],
  ["weighs by exponentials of the logits", { worth: ({ logits }) => logits.map(Math.exp) }],
  [
    "does not divide the weights by their sum",
    { weigh: (chosen, _all, { rule }) => chosen.map((x) => x * rule.scale) },
    "D9",
  ],
  [
    "divides the weights by the sum over all experts",
    { weigh: (chosen, all, { rule }) => chosen.map((x) => (x / sumOf(all)) * rule.scale) },
  ],
  [
    "divides the weights by the largest",
    {
      weigh: (chosen, _all, { rule }) => chosen.map((x) => (x / Math.max(...chosen)) * rule.scale),
    },
  ],
  [
    "divides the weights by their length",
    {
      weigh: (chosen, _all, { rule }) =>
        chosen.map((x) => (x / Math.hypot(...chosen)) * rule.scale),
    },
  ],
  ["does not apply routed_scaling_factor", { weigh: (chosen) => shares(chosen) }, "G36"],
  [
    "neither divides the weights by their sum nor applies routed_scaling_factor",
    { weigh: (chosen) => chosen },
    "G36",
  ],
  [
    "applies routed_scaling_factor twice",
    { weigh: (chosen, _all, { rule }) => shares(chosen).map((p) => p * rule.scale ** 2) },
    "G36",
  ],
  [
    "divides by routed_scaling_factor",
    { weigh: (chosen, _all, { rule }) => shares(chosen).map((p) => p / rule.scale) },
    "G36",
  ],
  [
    "applies the root of routed_scaling_factor",
    { weigh: (chosen, _all, { rule }) => shares(chosen).map((p) => p * Math.sqrt(rule.scale)) },
    "G36",
  ],
  [
    "multiplies with routed_scaling_factor before it divides by the sum",
    { weigh: (chosen) => shares(chosen) },
    "G36",
  ],
  [
    "adds 1 to the sum of the weights",
    {
      weigh: (chosen, _all, { rule }) => chosen.map((x) => (x / (sumOf(chosen) + 1)) * rule.scale),
    },
  ],
  [
    "gives all chosen experts the same weight",
    { weigh: (chosen, _all, { rule }) => chosen.map(() => rule.scale / chosen.length) },
  ],
  [
    "squares the weights",
    {
      weigh: (chosen, _all, { rule }) =>
        shares(chosen.map((x) => x * x)).map((p) => p * rule.scale),
    },
  ],
  ["gives the weights of the best first to experts in ascending order", (at) => crossed(at)],
  [
    "exchanges the weights of the chosen experts (reversed order)",
    { weigh: (chosen, all, token) => rightWeights(chosen, all, token).toReversed() },
  ],
  ["takes the smallest scores", { rank: (x) => biased(x).map((s) => -s) }],
  ["takes the smallest scores without bias", { rank: (x) => sigmoids(x).map((s) => -s) }],
  ["takes the largest magnitudes of the logits", { rank: ({ logits }) => logits.map(Math.abs) }],
  ...[-2, -1, 1, 2].map((n): [string, RouteWays] => [
    `chooses ${Math.abs(n)} ${Math.abs(n) > 1 ? "experts" : "expert"} too ${n < 0 ? "few" : "many"}`,
    { count: (k) => k + n },
  ]),
  ["chooses one expert alone", { count: () => 1 }],
  ["leaves out the best expert", { cut: (ranked, k) => ranked.slice(1, k + 1) }],
  [
    "never chooses expert 0",
    { rank: (x) => biased(x).map((s, e) => (e === 0 ? Number.NEGATIVE_INFINITY : s)) },
  ],
  [
    "never chooses the last expert",
    {
      rank: (x) =>
        biased(x).map((s, e, all) => (e === all.length - 1 ? Number.NEGATIVE_INFINITY : s)),
    },
  ],
  [
    "chooses among the first half of the experts",
    {
      rank: (x) =>
        biased(x).map((s, e, all) => (e >= all.length / 2 ? Number.NEGATIVE_INFINITY : s)),
    },
  ],
  [
    "gives equal scores to the larger number",
    { cut: (_ranked, k, x) => tiesTurned(biased(x), k) },
    "G27",
  ],
  [
    "ignores groups",
    {
      groups: (members) => members.map(() => 0),
      rank: biased,
      cut: (_ranked, k, x) => descending(biased(x)).slice(0, k),
    },
    "D9",
  ],
  [
    "takes a group's best expert for its worth",
    { groups: (members) => members.map((worths) => Math.max(...worths)) },
    "D9",
  ],
  ["takes the sum of a group for its worth", { groups: (members) => members.map(sumOf) }, "D9"],
  ["opens the worst groups", { groups: (members) => twoBest(members).map((x) => -x) }, "D9"],
  ["finds groups without the bias", (at) => ({ groups: () => unbiasedGroups(at) }), "D9"],
  [
    "masks closed groups with 0",
    {
      cut: (ranked, k, x) =>
        descending(biased(x).map((s, e) => (ranked.includes(e) ? s : 0))).slice(0, k),
    },
    "D9",
  ],
];

const withBias = ({ logits, bias }: Token): number[] =>
  logits.map((l, e) => 1 / (1 + Math.exp(-l - bias[e])));
const tiesTurned = (by: readonly number[], k: number): number[] =>
  [...by.keys()].sort((a, b) => by[b] - by[a] || b - a).slice(0, k);

/** The weights stay in the order of the scores while the experts are sorted. */
const crossed = (_at: At): RouteWays => ({
  weigh: (chosen, all, token) => {
    const weights = rightWeights(chosen, all, token);
    const ranked = descending(biased(token)).slice(0, chosen.length);
    // Place `a` in ascending order gets the weight of the `a`-th best.
    return ranked.map((e) => weights[ranked.toSorted((x, y) => x - y).indexOf(e)]);
  },
});

function unbiasedGroups(at: At): number[] {
  const [logits, , rule] = at.args as [Tensor, Weight, RouteRule];
  const [, nE] = logits.shape;
  const size = nE / rule.nGroup;
  const s = sigmoids({ logits: [...logits.data.subarray(0, nE)], bias: [], rule, t: 0 });
  return twoBest(Array.from({ length: rule.nGroup }, (_, g) => s.slice(g * size, (g + 1) * size)));
}

const routed = (at: At, ways: RouteWays): Routing => {
  const made = routeBy(at, ways);
  const right = rightOf(at) as unknown as { readonly experts: Indices };
  return made.experts.shape[1] > 0 ? made : (right as unknown as Routing);
};
export const routingVariants: readonly Variant[] = ROUTES.map(
  ([what, ways, bug]): Variant => ({
    relation:
      what.startsWith("exchanges") || what.startsWith("gives the weights") ? "order" : "choice",
    what: `${ROLES.route} ${what}`,
    changes: { route: (at) => routed(at, typeof ways === "function" ? ways(at) : ways) },
    ...(bug && { bug }),
  }),
);
