/**
 * Requests that need more than one call, a second try, or no call at all.
 *
 * Next: dialogue.ts
 * @module
 */
import { DEMO_TOOLS } from "./demo-tools.ts";
import { capitalized, type Draw } from "./draw.ts";
import type { Exchange, Single } from "./exchange.ts";
import { type InventedTool, inventedSingle } from "./invented.ts";
import { DEMO_TOOL_NAMES, demoSingle, fact, meaningOf } from "./single.ts";

/** What is said where no tool can help. */
export const REFUSAL = "I am sorry, I have no tool for that.";

// The last two templates of each list are held out; see Draw.say.
const JOINED = [
  "{0} {1}",
  "{0} Also: {1}",
  "{0} And: {1}",
  "{0} Then: {1}",
  "First: {0} {1}",
  "{0} And this: {1}",
];
const TRY_AGAIN = [
  "busy, try again",
  "not now, try again",
  "no answer, try again",
  "it failed, try again",
];

/** Two requests in one message: both calls are made at once. */
export function twoCalls(draw: Draw, invented: readonly InventedTool[]): Exchange {
  const [one, two] = draw.chance(0.5)
    ? sameToolTwice(draw, invented)
    : differentTools(draw, invented);
  return {
    skill: "two calls",
    request: draw.say(JOINED, one.request, two.request),
    tools: one.tool === two.tool ? [one.tool] : [one.tool, two.tool],
    steps: [{ calls: [one.call, two.call], results: [one.result, two.result] }],
    answer: `${one.answer} ${two.answer}`,
    uses: [one.uses, two.uses],
  };
}

function sameToolTwice(draw: Draw, invented: readonly InventedTool[]): [Single, Single] {
  if (invented.length > 0 && draw.chance(0.4)) {
    const tool = draw.of(invented);
    return [inventedSingle(draw, tool), inventedSingle(draw, tool)];
  }
  const name = draw.of(["add", "look_up", "recall", "remember"] as const);
  return [demoSingle(draw, name), demoSingle(draw, name)];
}

function differentTools(draw: Draw, invented: readonly InventedTool[]): [Single, Single] {
  const [a, b] = draw.some(DEMO_TOOL_NAMES, 2);
  const one = demoSingle(draw, a);
  if (invented.length === 0 || draw.chance(0.5)) return [one, demoSingle(draw, b)];
  const other = inventedSingle(draw, draw.of(invented));
  return draw.chance(0.5) ? [one, other] : [other, one];
}

const MEANING_OF_NOTE = [
  "What does the word in my note about the {0} mean?",
  "Find my note about the {0} and look its word up.",
  "Look up the word that I noted for the {0}.",
  "Tell me what the word in my note about the {0} means.",
  "Find the note about the {0} and tell me what its word means.",
];
const SUM_OF_THREE = [
  "Add {0} and {1}, then add {2}.",
  "What is {0} plus {1}, and then plus {2}?",
  "Please add {0} and {1}, and then add {2} to it.",
  "Add {0} to {1}, and {2} to that.",
  "Can you add {0} and {1} and then add {2}?",
];
const KEEP_SUM = [
  "Add {0} and {1}, and remember it as the {2}.",
  "What is {0} plus {1}? Remember it as the {2}.",
  "Please add {0} and {1} and keep it as the {2}.",
  "Add {0} and {1} and note it as the {2}.",
  "Can you add {0} and {1} and remember it as the {2}?",
];
const ADD_TO_NOTE = [
  "Add {0} to the number in my note about the {1}.",
  "What is the number in my note about the {1} plus {0}?",
  "Find the note about the {1} and add {0}.",
  "Please find my note about the {1} and add {0} to it.",
  "Take the number in my note about the {1} and add {0}.",
];

/** A request where the second call needs what the first has returned. */
export function chain(draw: Draw): Exchange {
  return draw.of([meaningOfNote, sumOfThree, keepSum, addToNote])(draw);
}

function meaningOfNote(draw: Draw): Exchange {
  const [[name], word, meaning] = [fact(draw), draw.rareWord(), meaningOf(draw)];
  return {
    skill: "chain",
    request: draw.say(MEANING_OF_NOTE, name),
    tools: [DEMO_TOOLS.recall, DEMO_TOOLS.look_up],
    steps: [
      { calls: [{ name: "recall", arguments: { name } }], results: [word] },
      { calls: [{ name: "look_up", arguments: { word } }], results: [meaning] },
    ],
    answer: `The word ${word} means ${meaning}.`,
    uses: [word, meaning],
  };
}

function sumOfThree(draw: Draw): Exchange {
  const [a, b, c] = [draw.number(3), draw.number(3), draw.number(3)];
  return {
    skill: "chain",
    request: draw.say(SUM_OF_THREE, a, b, c),
    tools: [DEMO_TOOLS.add],
    steps: [
      { calls: [{ name: "add", arguments: { a, b } }], results: [String(a + b)] },
      { calls: [{ name: "add", arguments: { a: a + b, b: c } }], results: [String(a + b + c)] },
    ],
    answer: `That is ${a + b + c}.`,
    uses: [String(a + b + c)],
  };
}

function keepSum(draw: Draw): Exchange {
  const [a, b, [name]] = [draw.number(3), draw.number(3), fact(draw)];
  return {
    skill: "chain",
    request: draw.say(KEEP_SUM, a, b, name),
    tools: [DEMO_TOOLS.add, DEMO_TOOLS.remember],
    steps: [
      { calls: [{ name: "add", arguments: { a, b } }], results: [String(a + b)] },
      {
        calls: [{ name: "remember", arguments: { note: { name, value: a + b } } }],
        results: ["kept"],
      },
    ],
    answer: `I have kept that the ${name} is ${a + b}.`,
    uses: ["kept", String(a + b)],
  };
}

function addToNote(draw: Draw): Exchange {
  const [a, b, [name]] = [draw.number(3), draw.number(3), fact(draw)];
  return {
    skill: "chain",
    request: draw.say(ADD_TO_NOTE, b, name),
    tools: [DEMO_TOOLS.recall, DEMO_TOOLS.add],
    steps: [
      { calls: [{ name: "recall", arguments: { name } }], results: [String(a)] },
      { calls: [{ name: "add", arguments: { a, b } }], results: [String(a + b)] },
    ],
    answer: `${a} plus ${b} is ${a + b}.`,
    uses: [String(a + b)],
  };
}

/** A tool fails once, and the same call is made again; or a note is not there. */
export function retry(draw: Draw, invented: readonly InventedTool[]): Exchange {
  if (draw.chance(0.3)) return missingNote(draw);
  const single =
    invented.length > 0 && draw.chance(0.5)
      ? inventedSingle(draw, draw.of(invented))
      : demoSingle(draw);
  const { tool, request, call, result, answer, uses } = single;
  const failed = { calls: [call], results: [`error: ${draw.say(TRY_AGAIN)}`] };
  const steps = [failed, { calls: [call], results: [result] }];
  return { skill: "retry", request, tools: [tool], steps, answer, uses: [uses] };
}

function missingNote(draw: Draw): Exchange {
  const { tool, request, call } = demoSingle(draw, "recall");
  const { name } = call.arguments;
  const answer = `I have no note about the ${String(name)}.`;
  const steps = [{ calls: [call], results: ["error: no such note"] }];
  return { skill: "retry", request, tools: [tool], steps, answer, uses: ["no note"] };
}

/** A request whose tool is not offered. */
export function refusal(draw: Draw, invented: readonly InventedTool[]): Exchange {
  const missing = invented.length > 0 ? inventedSingle(draw, draw.of(invented)) : demoSingle(draw);
  return {
    skill: "refusal",
    request: missing.request,
    tools: [missing.tool],
    steps: [],
    answer: REFUSAL,
    uses: [],
  };
}

const TALK: readonly (readonly [readonly string[], string])[] = [
  [
    ["Hello!", "Hi!", "Good day!", "Hello there!", "Hi there!"],
    "Hello! I tell stories, and I can use tools.",
  ],
  [
    ["Thank you!", "Thanks!", "Thank you very much.", "Thanks a lot!", "I thank you."],
    "You are welcome.",
  ],
  [
    [
      "Who are you?",
      "What are you?",
      "What is your name?",
      "Tell me who you are.",
      "Say who you are.",
    ],
    "I am a small model that tells stories and uses tools.",
  ],
  [["Goodbye!", "Bye!", "See you!", "Good night!", "Bye bye!"], "Goodbye!"],
];

/** A few friendly words, for which no tool is needed. */
export function talk(draw: Draw): Exchange {
  const [requests, answer] = draw.of(TALK);
  return { skill: "no tool", request: draw.say(requests), tools: [], steps: [], answer, uses: [] };
}

const STORY = [
  "Tell me a story about a {0} and a {1}.",
  "Can you tell me a story with a {0} and a {1}?",
  "I want a story about a {0} and a {1}.",
  "Please tell a story about a {0} and a {1}.",
  "Tell us a story about a {0} and a {1}.",
  "Please tell me a story with a {0} and a {1}.",
];

/** A story that names things. */
export interface KnownStory {
  readonly text: string;
  readonly things: readonly string[];
}

/** A wish for a story, for which no tool is needed. */
export function story(draw: Draw, { text, things }: KnownStory): Exchange {
  const [a, b] = draw.some(things.slice(0, 6), 2);
  return {
    skill: "story",
    request: draw.say(STORY, a, b),
    tools: [],
    steps: [],
    answer: capitalized(text),
    uses: [],
  };
}
