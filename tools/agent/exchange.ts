/**
 * One request of a user, and what a good assistant does with it: calls, and an answer from their results.
 *
 * Next: single.ts
 * @module
 */

import type { OfferedTool } from "./demo-tools.ts";

/** A value that an argument can have here. */
export type Value =
  | string
  | number
  | boolean
  | readonly string[]
  | Readonly<Record<string, string | number>>;

/** A call of a tool. */
export interface Call {
  readonly name: string;
  readonly arguments: Readonly<Record<string, Value>>;
}

/** Calls that are made at once, and what each of them returns. */
export interface Step {
  readonly calls: readonly Call[];
  readonly results: readonly string[];
}

/** What an exchange practises. */
export type Skill =
  | "one call"
  | "unseen tool"
  | "two calls"
  | "chain"
  | "retry"
  | "no tool"
  | "story"
  | "refusal";

/** One request, and what follows until the answer. */
export interface Exchange {
  readonly skill: Skill;
  /** What the user says. */
  readonly request: string;
  /** The tools that the user needs for it. They are offered, except in a refusal. */
  readonly tools: readonly OfferedTool[];
  readonly steps: readonly Step[];
  readonly answer: string;
  /** Parts of the results that the answer must hold. */
  readonly uses: readonly string[];
}

/** A request that one call can answer. */
export interface Single {
  readonly tool: OfferedTool;
  readonly request: string;
  readonly call: Call;
  readonly result: string;
  readonly answer: string;
  readonly uses: string;
}

/** Returns the exchange of a single call. */
export function asExchange(single: Single, skill: Skill): Exchange {
  const { tool, request, call, result, answer, uses } = single;
  return {
    skill,
    request,
    tools: [tool],
    steps: [{ calls: [call], results: [result] }],
    answer,
    uses: [uses],
  };
}
