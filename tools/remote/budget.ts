/**
 * What asking an endpoint may cost. Every request is paid before it is sent.
 * @module
 */
import { EndpointError } from "./endpoint-error.ts";

/** Requests, and tokens that they carry. */
export interface Cost {
  readonly requests: number;
  /** Tokens of prompts. */
  readonly tokensIn: number;
  /** Tokens of replies. */
  readonly tokensOut: number;
}

/** Nothing. */
export const FREE: Cost = { requests: 0, tokensIn: 0, tokensOut: 0 };

/** The limit of those who set none. */
export const UNLIMITED: Cost = {
  requests: Number.POSITIVE_INFINITY,
  tokensIn: Number.POSITIVE_INFINITY,
  tokensOut: Number.POSITIVE_INFINITY,
};

/** One more request for each ten, and some for the first ones: these are for requests that fail once. */
const SPARE = { share: 0.1, least: 3 } as const;

/** The sum of costs. */
export function sumOf(costs: readonly Cost[]): Cost {
  return costs.reduce(
    (a, b) => ({
      requests: a.requests + b.requests,
      tokensIn: a.tokensIn + b.tokensIn,
      tokensOut: a.tokensOut + b.tokensOut,
    }),
    FREE,
  );
}

/** The most that something may cost, when some of its requests are sent twice. */
export function withRetries({ requests, tokensIn, tokensOut }: Cost): Cost {
  if (requests === 0) return FREE;
  const spare = Math.ceil(requests * SPARE.share) + SPARE.least;
  const share = 1 + spare / requests;
  return {
    requests: requests + spare,
    tokensIn: Math.ceil(tokensIn * share),
    tokensOut: Math.ceil(tokensOut * share),
  };
}

/** Money for a million tokens, of prompts and of replies. */
export interface Price {
  readonly perMillionIn: number;
  readonly perMillionOut: number;
}

/** What tokens cost in money. */
export function moneyOf({ tokensIn, tokensOut }: Cost, price: Price): number {
  return (tokensIn * price.perMillionIn + tokensOut * price.perMillionOut) / 1e6;
}

/** Keeps what was spent below a limit. */
export class Budget {
  readonly limit: Cost;
  #spent: Cost = FREE;

  constructor(limit: Cost) {
    this.limit = limit;
  }

  /** What was paid so far. */
  get spent(): Cost {
    return this.#spent;
  }

  /** Pays. @throws {EndpointError} when there is not enough left; nothing is paid then */
  pay(cost: Cost): void {
    const spent = sumOf([this.#spent, cost]);
    for (const key of ["requests", "tokensIn", "tokensOut"] as const) {
      if (spent[key] <= this.limit[key]) continue;
      const what = `the budget of ${this.limit[key]} is used up; the next request needs ${cost[key]}`;
      throw new EndpointError("budget", NAMES[key], what);
    }
    this.#spent = spent;
  }
}

const NAMES = {
  requests: "requests",
  tokensIn: "tokens of prompts",
  tokensOut: "tokens of replies",
} as const;
