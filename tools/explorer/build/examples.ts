/**
 * The texts that come with the page: stories that hide a word, one with six words, and a short one.
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { argmax, Session } from "../../../engine/index.ts";
import { PEOPLE, SECRETS } from "../../eval/word-tasks.ts";
import type { Glm } from "../../library/index.ts";
import type { ExampleFacts } from "../messages.ts";

/** How many words the example with questions hides. */
const N_FACTS = 6;

/** A text with fewer tokens than a query may choose rows. */
const PLAIN = "Once upon a time, there was a little girl named Lily. She had a red ball.";

/** The line of a story that hides its word. */
const FACT = /^The secret word of \w+ is (\w+)\.$/;

const factOf = (name: string, word: string): string => `The secret word of ${name} is ${word}.`;
const questionOf = (name: string): string =>
  `What is the secret word of ${name}? The secret word of ${name} is`;

/** @param root the folder of the project */
export async function examplesIn(root: string): Promise<ExampleFacts[]> {
  const story = (name: string): Promise<string> =>
    readFile(join(root, "docs/understand", name), "utf8");
  const [long, short] = [await story("secret-long.txt"), await story("secret.txt")];
  return [
    { id: "long", ...withFact(long.trimEnd()) },
    { id: "short", ...withFact(short.trimEnd()) },
    { id: "plain", text: PLAIN },
    sixFacts(short.trimEnd().split("\n")),
  ];
}

function withFact(text: string): Pick<ExampleFacts, "text" | "fact"> {
  const line = text.split("\n").find((one) => FACT.test(one));
  if (!line) throw new Error("expected a story with a line that hides a word");
  return { text, fact: line.slice(0, -1) };
}

/** How many other people and words are tried. */
const MOST_TRIES = 12;

/**
 * An example whose word the model really says at the end: the one that is given, or else with another
 * person and another word. Where none of those that are tried is recalled, it stays as it is.
 */
export function recalledExample(glm: Glm, example: ExampleFacts): ExampleFacts {
  const { fact, text } = example;
  if (fact === undefined) return example;
  const words = SECRETS.filter((word) => !text.includes(` ${word}`));
  const others = Array.from({ length: MOST_TRIES }, (_, i): ExampleFacts => {
    const name = PEOPLE[i % PEOPLE.length];
    const other = factOf(name, words[(5 * i) % words.length]).slice(0, -1);
    const asked = text.replace(/What is the secret word of .*$/, questionOf(name));
    return { ...example, fact: other, text: asked.replace(fact, other) };
  });
  return [example, ...others].find((each) => isRecalled(glm, each)) ?? example;
}

/** Whether the likeliest token after the text is the word at the end of the fact. */
function isRecalled(glm: Glm, { text, fact = "" }: ExampleFacts): boolean {
  const session = new Session(glm.model);
  try {
    const { logits } = session.sync(glm.promptIds(text));
    return argmax(logits) === glm.encode(fact.slice(fact.lastIndexOf(" ")))[0];
  } finally {
    session.close();
  }
}

/** The story without its own word and question, and with six words of six people. */
function sixFacts(lines: readonly string[]): ExampleFacts {
  const told = lines.filter((line) => !FACT.test(line) && !line.startsWith("What is the secret"));
  const all = told.join("\n");
  const words = SECRETS.filter((word) => !all.includes(word)).slice(0, N_FACTS);
  const people = PEOPLE.slice(0, N_FACTS);
  const text: string[] = [];
  told.forEach((line, i) => {
    text.push(line);
    people.forEach((name, f) => {
      const at = Math.floor(((f + 0.5) * told.length) / N_FACTS);
      if (at === i) text.push(factOf(name, words[f]));
    });
  });
  return {
    id: "six",
    text: `${text.join("\n")}\n`,
    questions: people.map((name, f) => ({ question: questionOf(name), answer: ` ${words[f]}` })),
  };
}
