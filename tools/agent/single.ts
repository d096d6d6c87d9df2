/**
 * Requests for which one call of a toy tool is enough.
 *
 * Next: invented.ts
 * @module
 */
import { DEMO_TOOLS, type DemoToolName } from "./demo-tools.ts";
import { type Draw, fill, listed } from "./draw.ts";
import type { Single } from "./exchange.ts";

type Maker = (draw: Draw) => Omit<Single, "tool">;

// The last two templates of each list are held out; see Draw.say.
const ADD = [
  "What is {0} plus {1}?",
  "Add {0} and {1}.",
  "Please add {0} and {1}.",
  "How much is {0} and {1}?",
  "Can you add {0} to {1}?",
  "What do you get if you add {0} and {1}?",
  "{2} has {0} nuts and gets {1} more. How many are there?",
  "There are {0} cups and {1} plates. How many is that?",
  "Tell me the sum of {0} and {1}.",
  "I want to know what {0} plus {1} is.",
  "Can you tell me how much {0} plus {1} is?",
  "{2} has {0} cookies and finds {1} more. How many are there?",
];
const LOOK_UP = [
  "What does {0} mean?",
  "What is a {0}?",
  "Please look up {0}.",
  "Tell me what {0} means.",
  "What does the word {0} mean?",
  "Do you know what a {0} is?",
  "{1} said {0}. What does it mean?",
  "Look up the word {0}.",
  "Can you tell me what {0} means?",
  "I do not know the word {0}. What is it?",
];
const REMEMBER = [
  "Remember that the {0} is {1}.",
  "Please remember that the {0} is {1}.",
  "Keep a note: the {0} is {1}.",
  "Note that the {0} is {1}.",
  "Do not forget that the {0} is {1}.",
  "Can you remember that the {0} is {1}?",
  "I want you to remember that the {0} is {1}.",
  "Please keep a note that the {0} is {1}.",
];
const RECALL = [
  "What did I say about the {0}?",
  "What is in my note about the {0}?",
  "Find my note about the {0}.",
  "Do you remember the {0}?",
  "Recall the {0}.",
  "What did you note about the {0}?",
  "What does my note say about the {0}?",
  "Can you find the note about the {0}?",
];
const PICK = [
  "Pick one of {0}.",
  "Pick a word from {0}.",
  "Please pick one: {0}.",
  "Can you pick one of {0}?",
  "Choose one of {0}.",
  "I have {0}. Pick one.",
  "Please choose one of {0}.",
  "Can you choose a word from {0}?",
];
const PICK_FIRST = [
  "Pick the first of {0}.",
  "Which is the first of {0}?",
  "Please pick the first one: {0}.",
  "Choose the first of {0}.",
  "Please choose the first of {0}.",
  "Can you pick the first of {0}?",
];
const NOW = [
  "What time is it?",
  "What is the time?",
  "Tell me the time.",
  "Please tell me what time it is.",
  "Do you know the time?",
  "Is it late? What time is it?",
  "Can you tell me the time?",
  "I want to know what time it is.",
];

const MAKERS: Readonly<Record<DemoToolName, Maker>> = {
  add: (draw) => {
    const [a, b] = [draw.number(), draw.number()];
    const sum = String(a + b);
    return {
      request: draw.say(ADD, a, b, draw.person()),
      call: { name: "add", arguments: { a, b } },
      result: sum,
      answer: `${a} plus ${b} is ${sum}.`,
      uses: sum,
    };
  },
  look_up: (draw) => {
    const word = draw.rareWord();
    const meaning = meaningOf(draw);
    return {
      request: draw.say(LOOK_UP, word, draw.person()),
      call: { name: "look_up", arguments: { word } },
      result: meaning,
      answer: `The word ${word} means ${meaning}.`,
      uses: meaning,
    };
  },
  remember: (draw) => {
    const [name, value] = fact(draw);
    return {
      request: draw.say(REMEMBER, name, value),
      call: { name: "remember", arguments: { note: { name, value } } },
      result: "kept",
      answer: `I have kept that the ${name} is ${value}.`,
      uses: "kept",
    };
  },
  recall: (draw) => {
    const [name, value] = fact(draw);
    return {
      request: draw.say(RECALL, name),
      call: { name: "recall", arguments: { name } },
      result: String(value),
      answer: `The ${name} is ${value}.`,
      uses: String(value),
    };
  },
  pick: (draw) => {
    const n = 2 + draw.below(3);
    const words = Array.from({ length: n }, () => draw.rareWord());
    const first = draw.chance(0.4);
    const chosen = first ? words[0] : draw.of(words);
    return {
      request: draw.say(first ? PICK_FIRST : PICK, listed(words)),
      call: { name: "pick", arguments: { words, first } },
      result: chosen,
      answer: `I pick ${chosen}.`,
      uses: chosen,
    };
  },
  now: (draw) => {
    const minute = String(draw.below(60)).padStart(2, "0");
    const time = `${draw.below(24)}:${minute}`;
    return {
      request: draw.say(NOW),
      call: { name: "now", arguments: {} },
      result: time,
      answer: `It is ${time}.`,
      uses: time,
    };
  },
};

/** The names of the toy tools. */
export const DEMO_TOOL_NAMES = Object.keys(MAKERS) as DemoToolName[];

/** Makes a request that a toy tool answers. */
export function demoSingle(draw: Draw, name: DemoToolName = draw.of(DEMO_TOOL_NAMES)): Single {
  return { tool: DEMO_TOOLS[name], ...MAKERS[name](draw) };
}

/** Returns the name of something and what is true of it. */
export function fact(draw: Draw): [string, string | number] {
  const thing = draw.thing();
  const name = draw.chance(0.3) ? draw.described() : thing;
  if (draw.chance(0.3)) return [name, draw.number()];
  return [name, draw.chance(0.5) ? draw.rareWord() : draw.described().split(" ")[0]];
}

/** Returns what a made-up word could mean. */
export function meaningOf(draw: Draw): string {
  const templates = [
    "a {0}",
    "a {0} in the {1}",
    "the {0} of {2}",
    "to look for a {0}",
    "a kind of {3}",
  ];
  return fill(draw.of(templates), draw.described(), draw.place(), draw.person(), draw.thing());
}
