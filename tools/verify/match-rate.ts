/**
 * How often a server chooses another token than the reference, where no log-probabilities are told. Two
 * hypotheses are weighed after each token (Wald's sequential test): a right server differs in 2 % of them, a
 * wrong one in 5 %.
 * @module
 */
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Check } from "./gate.ts";

/** Shares of other tokens. */
const SHARE = { right: 0.02, wrong: 0.05 } as const;

/** The chance to accuse a right server, and the chance to pass a wrong one. */
const ERROR = { accused: 0.001, missed: 0.01 } as const;

/** Compared tokens of one answer: so many are the same, and then one may be another. */
export interface Matches {
  readonly same: number;
  readonly isOther: boolean;
}

/**
 * Compares an answer with what the reference chooses, up to the first difference: behind it both texts go their
 * own ways. Where the text of an answer was cut into tokens by us, the server's may have been longer or shorter
 * ones; such a difference is none.
 */
export function matchesOf(
  got: readonly number[],
  want: readonly number[],
  tokenizer: Tokenizer,
): Matches {
  const same = got.findIndex((id, i) => id !== want[i]);
  if (same < 0 || want[same] === undefined)
    return { same: Math.min(got.length, want.length), isOther: false };
  const rest = tokenizer.decode(got.slice(same));
  const other = tokenizer.decode([want[same]]);
  return { same, isOther: !rest.startsWith(other) && !other.startsWith(rest) };
}

/** Weighs all answers. */
export function matchCheck(answers: readonly Matches[]): Check {
  const same = answers.reduce((sum, one) => sum + one.same, 0);
  const others = answers.filter(({ isOther }) => isOther).length;
  const name = "choices";
  const share = (100 * others) / Math.max(1, same + others);
  const evidence = `${others} of ${same + others} likeliest tokens are others (${share.toFixed(1)} %); ${100 * SHARE.right} % are accepted`;
  const weight =
    same * Math.log((1 - SHARE.wrong) / (1 - SHARE.right)) +
    others * Math.log(SHARE.wrong / SHARE.right);
  if (weight >= Math.log((1 - ERROR.missed) / ERROR.accused)) {
    const fault =
      "the likeliest tokens are others than the reference's: other weights or another arithmetic";
    return { name, verdict: "fail", evidence, fault };
  }
  const isRight = weight <= Math.log(ERROR.missed / (1 - ERROR.accused));
  const why = isRight ? "" : "; too few tokens to tell";
  return { name, verdict: isRight ? "pass" : "unknown", evidence: evidence + why };
}
