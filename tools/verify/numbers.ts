/**
 * The gate of the numbers: log-probabilities beside those of the reference. Perplexity cannot tell sparse
 * attention from dense, so positions are compared one by one. Where a server tells those of given texts, the
 * texts are stories; elsewhere it goes on with stories by itself, and the reference reads what it chose.
 *
 * Next: given-texts.ts, chosen-texts.ts
 * @module
 */

import type { Ask } from "../remote/ask.ts";
import { type Cost, FREE, sumOf } from "../remote/budget.ts";
import { costOfReplies, ofReplies } from "./chosen-texts.ts";
import { effortAsks, effortCheck } from "./effort.ts";
import { askInCase, type Check, type Gate, type GateInput, type Probe } from "./gate.ts";
import { costOfTexts, ofTexts, SETTLED } from "./given-texts.ts";
import { REPLY_WAYS } from "./reply-ways.ts";
import { storyIds } from "./story.ts";
import { TEXT_WAYS } from "./text-ways.ts";

/** The gate. */
export const NUMBERS: Gate = {
  name: "numbers",
  shows: "weights and arithmetic, within the drift of 8-bit numbers, on these texts",
  hides: "other texts, other load, and mistakes that move less than 8-bit rounding",
  cost: (input) => (isAsked(input) ? costOf(input) : FREE),
  run: numbers,
};

/** Nothing is asked where there is nothing to compare with, unless it is to be recorded. */
function isAsked({ reference, isRecording = false }: GateInput): boolean {
  return isRecording || (reference.score ?? reference.recorded) !== undefined;
}

/** The shortest text that shows whether a server has a way to tell. */
function trialOf({ reference, seed }: GateInput): readonly number[] {
  return storyIds(reference.tokenizer, seed, SETTLED);
}

/** Each way is tried once with a short text, and one of them is used. */
function costOf(input: GateInput): Cost {
  const trial = trialOf(input);
  const trials: Ask[] = [
    ...effortAsks(input.reference),
    ...TEXT_WAYS.map((way) => way.ask(trial)),
    ...REPLY_WAYS.map((way) => way.ask(trial, 1, input.reference.tokenizer).ask),
  ];
  const tried = trials.map(({ tokensIn, tokensOut, extras = [] }) => {
    const times = 1 + extras.length; // each group of extra fields may be refused once
    return { requests: times, tokensIn: times * tokensIn, tokensOut: times * tokensOut };
  });
  const ways = [costOfTexts(input), ...REPLY_WAYS.map((way) => costOfReplies(input, way))];
  const most = (key: keyof Cost) => Math.max(...ways.map((cost) => cost[key]));
  return sumOf([
    ...tried,
    { requests: most("requests"), tokensIn: most("tokensIn"), tokensOut: most("tokensOut") },
  ]);
}

async function numbers(probe: Probe): Promise<readonly Check[]> {
  if (!isAsked(probe)) {
    return [unknown("the reference has no weights, and no recording, to compare with")];
  }
  return [...(await driftOf(probe)), await effortCheck(probe)];
}

/** Finds a way to tell, and compares. */
async function driftOf(probe: Probe): Promise<readonly Check[]> {
  const { tokenizer } = probe.reference;
  const trial = trialOf(probe);
  for (const way of TEXT_WAYS) {
    const answer = await askInCase(probe, way.ask(trial));
    if (answer && way.read(answer.json, trial)) return named(way.name, await ofTexts(probe, way));
  }
  for (const way of REPLY_WAYS) {
    const { ask } = way.ask(trial, 1, tokenizer);
    const answer = await askInCase(probe, ask);
    const told = answer && way.read(answer.json, tokenizer);
    if (told && told.length > 0) return named(way.name, await ofReplies(probe, way));
  }
  return [unknown("the server neither tells log-probabilities nor goes on with a text")];
}

function unknown(evidence: string): Check {
  return { name: "drift", verdict: "unknown", evidence };
}

/** The checks with the way in which the numbers were told. */
function named(way: string, checks: readonly Check[]): readonly Check[] {
  return checks.map((check) => ({ ...check, evidence: `${check.evidence} (${way})` }));
}
