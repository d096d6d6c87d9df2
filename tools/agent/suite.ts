/**
 * A small public test of agents: dialogues with words, numbers, phrases and tools that the demo model's
 * training never had. A model has to choose the tool, copy the arguments, use the results.
 *
 * Each dialogue is played: where a call is right, its result is given, and the model goes on. A reply counts
 * only if nothing in it had to be mended.
 *
 * Next: suite-text.ts
 * @module
 */
import { type Message, type Reply, replyMessage, type Tool } from "../../tokenizer/chat/index.ts";
import { wilson } from "../eval/score.ts";
import { EFFORTS, type Effort } from "../library/think.ts";
import type { KnownStory } from "./composed.ts";
import { type Dialogue, makeDialogue } from "./dialogue.ts";
import { Draw } from "./draw.ts";
import type { Call, Skill } from "./exchange.ts";

/** A conversation that asks for a reply. */
export interface Asked {
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly think: Effort;
}

/** Who is tested: gives the likeliest reply. */
export type Talker = (asked: Asked) => Promise<Reply>;

/** What is measured; docs/agent-suite.md describes each. */
export const MEASURES = [
  "right tool or none",
  "arguments of trained tools",
  "arguments of tools never seen",
  "two calls at once",
  "chain of two calls",
  "second try after an error",
  "answer uses the result",
  "well-formed reply",
  "effort sets the length of thought",
] as const;

/** The name of a measure. */
export type Measure = (typeof MEASURES)[number];

/** How often something was right. */
export interface Tally {
  readonly measure: Measure;
  readonly right: number;
  readonly asked: number;
  /** Wilson's 95 % interval of the share. */
  readonly interval: readonly [low: number, high: number];
}

/** One dialogue as it was played. */
export interface Played {
  readonly skill: Skill;
  readonly effort: Effort;
  readonly messages: readonly Message[];
  /** Whether all calls were right, and the answer used their results. */
  readonly isRight: boolean;
}

/** The results of the suite. */
export interface AgentEvaluation {
  readonly suite: "agent";
  readonly seed: number;
  readonly samples: number;
  readonly tallies: readonly Tally[];
  readonly played: readonly Played[];
}

/** How much is played. */
export interface SuiteOptions {
  /** Dialogues of each skill. */
  readonly samples: number;
  readonly seed: number;
  /** Told after each dialogue. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The skills, in the order in which they are played. */
export const SKILLS: readonly Skill[] = [
  "one call",
  "unseen tool",
  "two calls",
  "chain",
  "retry",
  "no tool",
  "refusal",
  "story",
];

/** Which measure the calls of a skill count for. */
const CALLS_OF: Readonly<Partial<Record<Skill, Measure>>> = {
  "one call": "arguments of trained tools",
  "unseen tool": "arguments of tools never seen",
  "two calls": "two calls at once",
  chain: "chain of two calls",
  retry: "second try after an error",
};

/** A wish for a story needs things, but no story: none is compared. */
const NO_STORY: readonly KnownStory[] = [
  { text: "", things: ["whale", "bridge", "crown", "rocket", "wagon", "penguin"] },
];

/** Returns a dialogue of the suite: one exchange, of words that the training never had. */
export const suiteDialogue = (seed: number, n: number, skill: Skill): Dialogue =>
  makeDialogue(new Draw(seed * 100_000 + n, true), NO_STORY, 1, skill);

/** Plays the suite. */
export async function playSuite(talker: Talker, options: SuiteOptions): Promise<AgentEvaluation> {
  const { samples, seed, onProgress, signal } = options;
  const counts = new Map<Measure, { right: number; asked: number }>();
  const count: Count = (measure, isRight) => {
    const { right, asked } = counts.get(measure) ?? { right: 0, asked: 0 };
    counts.set(measure, { right: right + (isRight ? 1 : 0), asked: asked + 1 });
  };
  const played: Played[] = [];
  const total = samples * SKILLS.length;
  for (let i = 0; i < samples; i++) {
    for (const [at, skill] of SKILLS.entries()) {
      signal?.throwIfAborted();
      const dialogue = suiteDialogue(seed, i * SKILLS.length + at, skill);
      played.push(await play(talker, dialogue, count));
      onProgress?.(played.length, total);
    }
    const shown = suiteDialogue(seed, -1 - i, SKILLS[i % SKILLS.length]);
    count("effort sets the length of thought", await growsWithEffort(talker, shown));
  }
  const tallies = MEASURES.map((measure): Tally => {
    const { right, asked } = counts.get(measure) ?? { right: 0, asked: 0 };
    return { measure, right, asked, interval: wilson(right, asked) };
  });
  return { suite: "agent", seed, samples, tallies, played };
}

type Count = (measure: Measure, isRight: boolean) => void;

async function play(talker: Talker, dialogue: Dialogue, count: Count): Promise<Played> {
  const { tools, effort: think, exchanges } = dialogue;
  const [exchange] = exchanges;
  const { skill, steps } = exchange;
  const messages: Message[] = [{ role: "user", content: exchange.request }];
  const measure = CALLS_OF[skill];
  for (const [i, step] of steps.entries()) {
    const reply = await talker({ messages, tools, think });
    messages.push(replyMessage(reply));
    count("well-formed reply", isWellFormed(reply));
    if (i === 0) count("right tool or none", haveNames(reply, step.calls));
    if (!areCalls(reply, step.calls)) {
      if (measure) count(measure, false);
      return { skill, effort: think, messages, isRight: false };
    }
    for (const content of step.results) messages.push({ role: "tool", content });
  }
  if (measure) count(measure, true);
  const reply = await talker({ messages, tools, think });
  messages.push(replyMessage(reply));
  count("well-formed reply", isWellFormed(reply));
  if (steps.length === 0) count("right tool or none", isAnswer(reply));
  const isUsed = isAnswer(reply) && exchange.uses.every((part) => reply.content.includes(part));
  if (steps.length > 0) count("answer uses the result", isUsed);
  return { skill, effort: think, messages, isRight: isUsed };
}

const isAnswer = ({ calls, unknownCalls, content }: Reply): boolean =>
  calls.length + unknownCalls.length === 0 && content.trim() !== "";

const isWellFormed = ({ repairs, unknownCalls, finishReason, isThinking }: Reply): boolean =>
  repairs.length === 0 && unknownCalls.length === 0 && finishReason !== "length" && !isThinking;

function haveNames({ calls, unknownCalls }: Reply, expected: readonly Call[]): boolean {
  const names = [...calls, ...unknownCalls].map(({ name }) => name);
  return names.length === expected.length && expected.every(({ name }, i) => names[i] === name);
}

/** Whether a reply makes these calls, with exactly these arguments. */
export function areCalls(reply: Reply, expected: readonly Call[]): boolean {
  if (!haveNames(reply, expected) || reply.unknownCalls.length > 0) return false;
  return reply.calls.every(
    ({ isComplete, json }, i) =>
      isComplete && sameJson(json, JSON.stringify(expected[i].arguments)),
  );
}

/** Whether two JSON texts say the same; the order of keys does not matter. */
function sameJson(a: string, b: string): boolean {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)))
      : value;
  return JSON.stringify(JSON.parse(a), sorted) === JSON.stringify(JSON.parse(b), sorted);
}

/** Whether a model thinks not at all, some, and more at the three efforts. */
async function growsWithEffort(talker: Talker, dialogue: Dialogue): Promise<boolean> {
  const { tools, exchanges } = dialogue;
  const messages = [{ role: "user", content: exchanges[0].request }] as const;
  const lengths: number[] = [];
  for (const think of EFFORTS) {
    lengths.push((await talker({ messages, tools, think })).reasoning.length);
  }
  const [off, high, max] = lengths;
  return off === 0 && high > 0 && max > high;
}
