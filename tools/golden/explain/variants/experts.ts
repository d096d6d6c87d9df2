/**
 * The routed experts: others, with other weights or activations, or fewer of them.
 * @module
 */
import type { Tensor } from "../../../../engine/base/tensor.ts";
import type { ExpertBank, Routing } from "../../../../engine/ops/ops.ts";
import type { Bug } from "../../mutants/bugs.ts";
import { type ExpertWays, expertsBy } from "../loops.ts";
import { ROLES } from "../roles.ts";
import { type At, type Change, inputOf, numbers, rightOf, type Variant } from "../variant.ts";
import { ACTIVATIONS } from "./activations.ts";

/** Other experts for the tokens, with the right weights. */
const REROUTED: readonly (readonly [what: string, expert: (e: number, nE: number) => number])[] = [
  ["the next expert for each", (e, n) => (e + 1) % n],
  ["the expert before each", (e, n) => (e + n - 1) % n],
  ["experts in reversed order", (e, n) => n - 1 - e],
  ["experts with their halves exchanged", (e, n) => (e + n / 2) % n],
  ["experts in the order [even | odd]", (e, n) => (e < n / 2 ? 2 * e : 2 * (e - n / 2) + 1) % n],
  ["expert 0 for all", () => 0],
  ["each even expert also for the odd one after it", (e) => e - (e % 2)],
];

const EXPERTS: readonly (readonly [what: string, ways: ExpertWays, bug?: Bug | undefined])[] = [
  ["have no weights", { weigh: () => 1 }],
  ["are weighed on their input, not on their output", { isWeighedFirst: true }],
  ["have the weights squared", { weigh: (w, a) => w[a] ** 2 }],
  ["are divided by their number", { weigh: (w, a) => w[a] / w.length }],
  ["have all the same weight", { weigh: (w) => w.reduce((a, b) => a + b, 0) / w.length }],
  ["have their weights in reversed order", { weigh: (w, a) => w[w.length - 1 - a] }],
  ["leave out the last that was chosen", { weigh: (w, a) => (a === w.length - 1 ? 0 : w[a]) }],
  ["leave out the first that was chosen", { weigh: (w, a) => (a === 0 ? 0 : w[a]) }],
  [
    "leave out the one with the smallest weight",
    { weigh: (w, a) => (w[a] === Math.min(...w) ? 0 : w[a]) },
  ],
  [
    "leave out the one with the largest weight",
    { weigh: (w, a) => (w[a] === Math.max(...w) ? 0 : w[a]) },
  ],
  ...ACTIVATIONS.map(([form, act, bug]): [string, ExpertWays, Bug | undefined] => [
    `${form}`,
    { act },
    bug,
  ]),
];

const reroute =
  (expert: (e: number, nE: number) => number): Change =>
  (at) => {
    const bank = at.args[2] as ExpertBank;
    return expertsBy(at, { pick: (e) => expert(e, bank.nE) });
  };

/** Other layers' experts, or other tokens' routing. */
const BANKS: readonly (readonly [what: string, change: Change])[] = [
  ["are those of the layer before", (at) => expertsBy(at, bankOf(at, -1))],
  ["are those of the next layer", (at) => expertsBy(at, bankOf(at, 1))],
  ["are routed as the token before", (at) => at.right(inputOf(at), routedAs(at, -1), at.args[2])],
  ["are routed as the next token", (at) => at.right(inputOf(at), routedAs(at, 1), at.args[2])],
  [
    "are routed as the first token",
    (at) => at.right(inputOf(at), routedAs(at, undefined), at.args[2]),
  ],
  ...[1, 2, 4, 8].map(
    (n) =>
      [`take ${n} tokens at most for each expert (a capacity)`, (at: At) => capped(at, n)] as const,
  ),
];

function bankOf(at: At, by: number): ExpertWays {
  const ffn = [...at.model.weights.layers, at.model.weights.mtp?.layer][at.layer + by]?.ffn;
  return ffn?.kind === "sparse" ? { bank: ffn.experts } : {};
}

function routedAs(at: At, by: number | undefined): Routing {
  const { experts, weights } = at.args[1] as Routing;
  const [nT, nA] = experts.shape;
  const from = (i: number): number => {
    const t = Math.floor(i / nA);
    const other = by === undefined ? 0 : Math.min(nT - 1, Math.max(0, t + by));
    return other * nA + (i % nA);
  };
  return {
    experts: { ...experts, data: experts.data.map((_, i) => experts.data[from(i)]) },
    weights: numbers(
      weights,
      weights.data.map((_, i) => weights.data[from(i)]),
    ),
  };
}

function capped(at: At, most: number): Tensor {
  const { experts } = at.args[1] as Routing;
  const seen = new Map<number, number>();
  const isIn = Array.from(experts.data, (e) => {
    seen.set(e, (seen.get(e) ?? 0) + 1);
    return (seen.get(e) as number) <= most;
  });
  const nA = experts.shape[1];
  return expertsBy(at, { weigh: (w, a, t) => (isIn[t * nA + a] ? w[a] : 0) });
}

/** The choice with other numbers, in ascending order. */
function renumbered(at: At, expert: (e: number, nE: number) => number): Routing {
  const { experts, weights } = rightOf(at) as unknown as Routing;
  const nE = inputOf(at).shape[1];
  const [nT, nA] = experts.shape;
  const ids = experts.data.slice();
  const shared = weights.data.slice();
  for (let t = 0; t < nT; t++) {
    const row = Array.from({ length: nA }, (_, a) => ({
      e: expert(experts.data[t * nA + a], nE),
      w: weights.data[t * nA + a],
    })).sort((x, y) => x.e - y.e);
    row.forEach(({ e, w }, a) => {
      ids[t * nA + a] = e;
      shared[t * nA + a] = w;
    });
  }
  return { experts: { ...experts, data: ids }, weights: numbers(weights, shared) };
}

export const expertVariants: readonly Variant[] = [
  ...REROUTED.map(
    ([what, expert]): Variant => ({
      relation: "order",
      what: `${ROLES.experts} run ${what}`,
      changes: { experts: reroute(expert) },
    }),
  ),
  ...REROUTED.map(
    ([what, expert]): Variant => ({
      relation: "order",
      what: `${ROLES.route} gives ${what}`,
      changes: { route: (at) => renumbered(at, expert) },
    }),
  ),
  ...EXPERTS.map(
    ([what, ways, bug]): Variant => ({
      relation: "op",
      what: `${ROLES.experts} ${what}`,
      changes: { experts: (at) => expertsBy(at, ways) },
      ...(bug && { bug }),
    }),
  ),
  ...BANKS.map(
    ([what, change]): Variant => ({
      relation: "input",
      what: `${ROLES.experts} ${what}`,
      changes: { experts: change },
    }),
  ),
];
