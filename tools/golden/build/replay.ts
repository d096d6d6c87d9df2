/**
 * Writes down the choices of one run and makes another run choose the same, so that the second differs
 * by its rounding alone. Choices are rows, experts, and the tokens that draft steps go on with.
 * @module
 */

import type { Indices } from "../../../engine/base/tensor.ts";
import type { Ops, Routing } from "../../../engine/ops/ops.ts";
import { weighExperts } from "../judge/weigh-experts.ts";

/** Everything a run chose, in the order in which it chose. */
export interface Choices {
  readonly rows: Indices[];
  readonly experts: Indices<["T", "A"]>[];
  readonly tokens: Int32Array[];
}

/** `ops` that write down what they choose. */
export function recordChoices(ops: Ops): { ops: Ops; choices: Choices } {
  const choices: Choices = { rows: [], experts: [], tokens: [] };
  return {
    choices,
    ops: {
      ...ops,
      embed: (tokens, table) => {
        choices.tokens.push(tokens);
        return ops.embed(tokens, table);
      },
      topK: (scores, k) => {
        const chosen = ops.topK(scores, k);
        choices.rows.push(kept(chosen));
        return chosen;
      },
      route: (logits, bias, rule) => {
        const routing = ops.route(logits, bias, rule);
        choices.experts.push(kept(routing.experts));
        return routing;
      },
    },
  };
}

/** A copy, because a later call of the ops may overwrite the original. */
function kept<X extends Indices>(chosen: X): X {
  return { ...chosen, data: chosen.data.slice() };
}

/** `ops` that choose what is written down. The same calls must come in the same order. */
export function replayChoices(ops: Ops, choices: Choices): Ops {
  let [nRows, nExperts, nTokens] = [0, 0, 0];
  return {
    ...ops,
    embed: (_tokens, table) => ops.embed(choices.tokens[nTokens++], table),
    topK: <T extends string>() => choices.rows[nRows++] as Indices<[T, "K"]>,
    route: (logits, _bias, rule): Routing => {
      const experts = choices.experts[nExperts++];
      return { experts, weights: weighExperts(logits, experts, rule) };
    },
  };
}
