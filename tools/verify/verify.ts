/**
 * Runs the gates against an endpoint, one after the other, and says what came of it.
 *
 * Next: client.ts
 * @module
 */

import type { ClientOptions } from "../remote/ask.ts";
import { Budget, type Cost, type Price, sumOf, withRetries } from "../remote/budget.ts";
import { Client } from "../remote/client.ts";
import { EndpointError } from "../remote/endpoint-error.ts";
import {
  type Check,
  type Gate,
  type GateInput,
  type Reference,
  type Verdict,
  verdictOf,
} from "./gate.ts";

/** What to verify, and against what. */
export interface VerifyOptions extends Omit<ClientOptions, "budget"> {
  readonly reference: Reference;
  readonly seed: number;
  readonly gates: readonly Gate[];
  /** Tokens of long texts; four times `index_topk` by default. */
  readonly lengths?: readonly number[] | undefined;
  /** How many questions may be on their way at once; one by default. */
  readonly concurrency?: number | undefined;
  /** The most that may be spent; what {@link planOf} says by default. */
  readonly limit?: Cost | undefined;
  readonly onProgress?: ((gate: Gate, done: number, total: number) => void) | undefined;
}

/** What one gate costs at most, requests that fail once included. */
export interface PlannedGate {
  readonly gate: Gate;
  readonly cost: Cost;
}

/** What a verification costs at most. */
export interface Plan {
  readonly gates: readonly PlannedGate[];
  readonly total: Cost;
  /** What cannot be seen. */
  readonly limits: readonly string[];
  readonly price?: Price | undefined;
}

/** A gate with what came of it. */
export interface GateResult {
  readonly gate: Gate;
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  /** What it cost. */
  readonly cost: Cost;
}

/** The outcome of a verification. */
export interface Outcome {
  readonly url: string;
  readonly model: string | undefined;
  readonly reference: string;
  readonly seed: number;
  readonly verdict: Verdict;
  readonly gates: readonly GateResult[];
  readonly spent: Cost;
  /** Why it ended before its end, if it did. */
  readonly stopped: EndpointError | undefined;
}

/** One request tells the name of the model. */
const NAME_COST: Cost = { requests: 1, tokensIn: 0, tokensOut: 0 };

/** Says what a verification costs at most, before anything is sent. */
export function planOf({ gates, ...input }: PlanInput): Plan {
  return {
    ...costsOf({ gates, ...input }),
    limits: gates.flatMap((gate) => gate.limits?.(input) ?? []),
  };
}

/** What a plan is made from. */
type PlanInput = GateInput & Pick<VerifyOptions, "gates">;

/** The cost alone: what cannot be seen takes longer to find out. */
function costsOf({ gates, ...input }: PlanInput): Pick<Plan, "gates" | "total"> {
  const planned = gates.map((gate) => ({ gate, cost: withRetries(gate.cost(input)) }));
  return { gates: planned, total: sumOf([NAME_COST, ...planned.map(({ cost }) => cost)]) };
}

/**
 * Verifies an endpoint. What it says wrong ends in a verdict; where it says nothing, the outcome says so,
 * and gates that were not reached are `unknown`.
 */
export async function verify(options: VerifyOptions): Promise<Outcome> {
  const { reference, seed, gates, onProgress } = options;
  const input = { ...options, isRecording: options.recorder !== undefined };
  const { limit = costsOf(input).total } = options;
  const budget = new Budget(limit);
  const client = new Client({ ...options, budget });
  const results: GateResult[] = [];
  let stopped: EndpointError | undefined;
  for (const gate of gates) {
    const before = budget.spent;
    let checks: readonly Check[] = [];
    if (stopped === undefined) {
      try {
        checks = await gate.run({
          ...input,
          ask: (ask) => client.ask(ask),
          onProgress: (done, total) => onProgress?.(gate, done, total),
        });
      } catch (error) {
        if (!(error instanceof EndpointError)) throw error;
        stopped = error;
      }
    }
    if (stopped) checks = [{ name: gate.name, verdict: "unknown", evidence: stopped.message }];
    const cost = minus(budget.spent, before);
    results.push({ gate, verdict: verdictOf(checks), checks, cost });
  }
  return {
    ...{ url: options.url, reference: reference.name, seed, stopped },
    model: stopped ? options.model : await client.model(),
    verdict: together(results.map(({ verdict }) => verdict)),
    gates: results,
    spent: budget.spent,
  };
}

/** A fault counts more than what is not known, and that counts more than a pass. */
function together(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("fail")) return "fail";
  return verdicts.includes("unknown") || verdicts.length === 0 ? "unknown" : "pass";
}

function minus(a: Cost, b: Cost): Cost {
  return {
    requests: a.requests - b.requests,
    tokensIn: a.tokensIn - b.tokensIn,
    tokensOut: a.tokensOut - b.tokensOut,
  };
}
