/**
 * A gate is one group of checks. Each check ends in a verdict with what was seen.
 *
 * A check that cannot be made, or whose outcome chance could explain, is `unknown`: it never accuses, and
 * it never passes.
 *
 * Next: protocol.ts
 * @module
 */
import type { ModelConfig } from "../../engine/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Answer, Ask } from "../remote/ask.ts";
import type { Cost } from "../remote/budget.ts";
import { EndpointError, type EndpointFault } from "../remote/endpoint-error.ts";

/** The outcome of a check, a gate or a verification. */
export type Verdict = "pass" | "fail" | "unknown";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  /** What was seen, what was expected, or why it cannot be told. */
  readonly evidence: string;
  /** The known mistake that explains a failure, in a sentence. */
  readonly fault?: string | undefined;
  /** Whether the gate passes without it: the check needs what not all servers have. */
  readonly isExtra?: boolean;
}

/** What a model's layers choose: rows, and experts. */
export type ModelShape = Pick<
  ModelConfig,
  "indexTopk" | "indexerTypes" | "mlpLayerTypes" | "nRoutedExperts" | "numExpertsPerTok"
>;

/** A reference with a mistake that is made on purpose, such as dense attention. */
export interface WrongReference {
  /** What it is, for people. */
  readonly name: string;
  score(ids: readonly number[]): Promise<readonly number[]>;
}

/** What an endpoint should be. */
export interface Reference {
  /** What it is, for people. */
  readonly name: string;
  readonly tokenizer: Tokenizer;
  /** The numbers that say what layers choose, where they are known. */
  readonly shape?: ModelShape | undefined;
  /**
   * The log-probability of each id but the first, after those before it. Undefined where there is nothing
   * to compare with.
   */
  readonly score?: ((ids: readonly number[]) => Promise<readonly number[]>) | undefined;
  /** What a reference that is no model told when it was asked the same once more; its own noise. */
  readonly again?: ((ids: readonly number[]) => Promise<readonly number[] | undefined>) | undefined;
  /** The likeliest id after each of these. */
  readonly likeliest?: ((ids: readonly number[]) => Promise<readonly number[]>) | undefined;
  /** What an endpoint must not be like. */
  readonly unlike?: WrongReference | undefined;
  /** What a trusted endpoint answered to the same question, where one was recorded. */
  readonly recorded?: ((ask: Ask) => Answer | undefined) | undefined;
}

/** What a gate works with. */
export interface Probe {
  readonly reference: Reference;
  /** Makes prompts, seeds and orders; other seeds ask other things. */
  readonly seed: number;
  /** Asks the endpoint. */
  readonly ask: (ask: Ask) => Promise<Answer>;
  /** Tokens of the long texts in which words are looked for. */
  readonly lengths?: readonly number[] | undefined;
  /** Whether the answers become a reference: then they are asked for also where there is nothing to compare with. */
  readonly isRecording?: boolean | undefined;
  /** How many questions may be on their way at once; one by default. */
  readonly concurrency?: number | undefined;
  /** Told when a check is done. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What says what a gate asks. */
export type GateInput = Pick<Probe, "reference" | "seed" | "lengths" | "isRecording">;

/** A group of checks. */
export interface Gate {
  readonly name:
    | "protocol"
    | "replies"
    | "sampling"
    | "numbers"
    | "long"
    | "samples"
    | "selections";
  /** What a pass shows. */
  readonly shows: string;
  /** What a pass does not show. */
  readonly hides: string;
  /** The most that it asks, without requests that fail. */
  cost(input: GateInput): Cost;
  /** What cannot be seen with this reference, in sentences for a plan. */
  limits?(input: GateInput): readonly string[];
  /** Makes the checks. */
  run(probe: Probe): Promise<readonly Check[]>;
}

/** The verdict on all checks of a gate: all that count must pass. */
export function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ verdict }) => verdict === "fail")) return "fail";
  const counted = checks.filter(({ isExtra }) => !isExtra);
  const isWhole = counted.length > 0 && counted.every(({ verdict }) => verdict === "pass");
  return isWhole ? "pass" : "unknown";
}

/**
 * Does some work for each item, several at a time. The first is done alone: what the client finds out with it
 * about the server serves all others.
 */
export async function each<T, R>(
  { concurrency = 1 }: Pick<Probe, "concurrency">,
  items: readonly T[],
  work: (item: T, i: number) => Promise<R>,
): Promise<R[]> {
  const done: R[] = [];
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      done[i] = await work(items[i], i);
    }
  };
  if (items.length > 0) done[next] = await work(items[next], next++);
  await Promise.all(Array.from({ length: concurrency }, run));
  return done;
}

/** What a path that a server does not have may end in: gateways refuse it, lead elsewhere, or show a page. */
const ABSENT: readonly EndpointFault[] = [
  "refused",
  "redirect",
  "no-answer",
  "unreadable",
  "not-understood",
  "failed",
];

/**
 * Asks for what a server need not have. Undefined where it has not, in whatever way it says so; an endpoint that is
 * gone is found with the next question.
 */
export async function askInCase(
  { ask }: Pick<Probe, "ask">,
  question: Ask,
): Promise<Answer | undefined> {
  try {
    const answer = await ask({ ...question, isWrong: true });
    return answer.status === 200 ? answer : undefined;
  } catch (error) {
    if (error instanceof EndpointError && ABSENT.includes(error.fault)) return undefined;
    throw error;
  }
}
