/**
 * The tables of the vocabulary: tied, for other tokens, with a factor.
 * @module
 */
import type { Tensor } from "../../../../engine/base/tensor.ts";
import { ROLES } from "../roles.ts";
import { numbers, rightOf, type Variant, weightOf, withWeight } from "../variant.ts";

/** The table of the embedding at the head, and the head's at the embedding. */
const tied: readonly Variant[] = [
  {
    relation: "weights",
    what: `${ROLES.lmHead} uses the table of the embedding (tied)`,
    changes: { lmHead: (at) => withWeight(at, at.model.weights.embedTokens) },
  },
  {
    relation: "weights",
    what: `${ROLES.embed} uses the matrix of lm_head (tied)`,
    changes: { embed: (at) => withWeight(at, at.model.weights.lmHead) },
  },
];

/** Other tokens at the embedding. */
const TOKENS: readonly (readonly [
  what: string,
  token: (tokens: Int32Array, t: number, n: number) => number,
])[] = [
  ["takes the id plus 1", (tokens, t, n) => (tokens[t] + 1) % n],
  ["takes the id less 1", (tokens, t, n) => (tokens[t] + n - 1) % n],
  ["takes the token before", (tokens, t) => tokens[Math.max(0, t - 1)]],
  ["takes the next token", (tokens, t) => tokens[Math.min(tokens.length - 1, t + 1)]],
  ["takes token 0 first", (tokens, t) => (t === 0 ? 0 : tokens[t])],
  ["takes token 0 at the end", (tokens, t) => (t === tokens.length - 1 ? 0 : tokens[t])],
];

export const tableVariants: readonly Variant[] = [
  ...tied,
  ...TOKENS.map(
    ([what, token]): Variant => ({
      relation: "shift",
      what: `${ROLES.embed} ${what}`,
      changes: {
        embed: (at) => {
          const ids = at.args[0] as Int32Array;
          return at.right(
            ids.map((_, t) => token(ids, t, weightOf(at).shape[0])),
            at.args[1],
          );
        },
      },
    }),
  ),
  ...(
    [
      ["multiplies with the root of the width", (n: number) => Math.sqrt(n)],
      ["divides by the root of the width", (n: number) => 1 / Math.sqrt(n)],
    ] as const
  ).map(
    ([what, factor]): Variant => ({
      relation: "factor",
      what: `${ROLES.embed} ${what}`,
      changes: {
        embed: (at) => {
          const y = rightOf(at) as Tensor;
          return numbers(
            y,
            y.data.map((x) => x * factor(y.shape[1])),
          );
        },
      },
    }),
  ),
];
