/**
 * Dialogues whose arguments stand far back: facts amid a long text, which later requests refer to. Only
 * who finds them again can make the call.
 *
 * Next: dialogue.ts
 * @module
 */
import type { KnownStory } from "./composed.ts";
import { DEMO_TOOLS } from "./demo-tools.ts";
import type { Draw } from "./draw.ts";
import type { Exchange } from "./exchange.ts";
import { meaningOf } from "./single.ts";

/** Facts amid a text. */
export interface FarText {
  readonly reading: Exchange;
  /** Makes a request that needs one of the facts. */
  ask(draw: Draw): Exchange;
}

// The last two templates of each list are held out; see Draw.say.
const ADD = [
  "Add {0} to the secret number of {1}.",
  "What is the secret number of {1} plus {0}?",
  "Please add {0} to the secret number of {1}.",
  "Can you add {0} to the secret number of {1}?",
];
const LOOK_UP = [
  "Look up the secret word of {0}.",
  "What does the secret word of {0} mean?",
  "Please look up the secret word of {0}.",
  "Tell me what the secret word of {0} means.",
];

/** Makes a text of stories with facts about some people, about so many characters long. */
export function farText(draw: Draw, stories: readonly KnownStory[], characters: number): FarText {
  const people = draw.some([...new Set(Array.from({ length: 12 }, () => draw.person()))], 4);
  const facts = people.map((person, i) => ({
    person,
    word: draw.rareWord(),
    number: draw.number(3),
    isWord: i % 2 === 0,
  }));
  const parts: string[] = [];
  for (let n = 0; n < characters; ) {
    const { text } = draw.of(stories);
    parts.push(text);
    n += text.length;
  }
  for (const { person, word, number, isWord } of facts) {
    const at = draw.below(Math.max(1, Math.ceil(parts.length / 2)));
    parts.splice(
      at,
      0,
      isWord
        ? `The secret word of ${person} is ${word}.`
        : `The secret number of ${person} is ${number}.`,
    );
  }
  const reading: Exchange = {
    skill: "no tool",
    request: `Read this: ${parts.join("\n")}`,
    tools: [],
    steps: [],
    answer: "I have read it.",
    uses: [],
  };
  return { reading, ask: (later) => asked(later, later.of(facts)) };
}

interface Fact {
  readonly person: string;
  readonly word: string;
  readonly number: number;
  readonly isWord: boolean;
}

function asked(draw: Draw, { person, word, number, isWord }: Fact): Exchange {
  if (isWord) {
    const meaning = meaningOf(draw);
    return {
      skill: "one call",
      request: draw.say(LOOK_UP, person),
      tools: [DEMO_TOOLS.look_up],
      steps: [{ calls: [{ name: "look_up", arguments: { word } }], results: [meaning] }],
      answer: `The word ${word} means ${meaning}.`,
      uses: [meaning],
    };
  }
  const a = draw.number(3);
  return {
    skill: "one call",
    request: draw.say(ADD, a, person),
    tools: [DEMO_TOOLS.add],
    steps: [
      { calls: [{ name: "add", arguments: { a, b: number } }], results: [String(a + number)] },
    ],
    answer: `${a} plus ${number} is ${a + number}.`,
    uses: [String(a + number)],
  };
}
