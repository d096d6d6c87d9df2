/**
 * Tasks in words: secret words stand in a story, and one of them is asked for at its end. The demo model
 * was trained on such texts (demo-model/train/recall.py), and a model that speaks English can solve them.
 *
 * ```text
 * The secret word of Mia is apple.                                    amid a story, at a depth
 * What is the secret word of Mia? The secret word of Mia is           at the end
 * ```
 *
 * | task        | in the context                            | answer        |
 * | ----------- | ----------------------------------------- | ------------- |
 * | secretWord  | one secret word, at a depth               | that word     |
 * | secretWords | eight of different people, all over it    | one of them   |
 *
 * Next: evaluate.ts
 * @module
 */
import { type Random, seededRandom } from "../../engine/generate/random.ts";
import { noRoom, shuffled, type Task, type TaskSpec } from "./tasks.ts";

/** Names of the tasks; the table above describes them. */
export const WORD_TASKS = ["secretWord", "secretWords"] as const;

/** The name of a task in words. */
export type WordTaskName = (typeof WORD_TASKS)[number];

/** Turns a text into token ids, and says which ids stand before every text. */
export interface TextCoder {
  readonly start: readonly number[];
  encode(text: string): readonly number[];
}

/** What task to make. */
export interface WordTaskSpec extends Omit<TaskSpec, "task" | "first" | "end"> {
  readonly task: WordTaskName;
}

/** How many secret words there are in a `secretWords` task. */
const N_FACTS = 8;

/** Names and words that are one token each for the demo model, as in its training. */
export const PEOPLE: readonly string[] =
  "Mia Tom Lily Sam Ben Max Sue Tim Anna Jack Lucy Amy Sara Bob".split(" ");

/** None of them occurs in the story. */
export const SECRETS: readonly string[] =
  "apple river garden window table flower castle cloud button house bear cake rain snow fish water door box boat book hat car shoes".split(
    " ",
  );

/** The story that is told between, again and again in another order. */
const SENTENCES = [
  "One day, a little dog went to the park.",
  "The sun was warm and the sky was blue.",
  "A girl had a red ball and a big smile.",
  "They played together all day long.",
  "The cat sat under the old tree.",
  "Her mom made soup for everyone.",
  "The bird sang a happy song.",
  "Then it was time to go home.",
  "The boy wanted to share his toys.",
  "They were very good friends.",
];

/** Makes a task. The same spec makes the same ids with the same tokenizer. */
export function makeWordTask(spec: WordTaskSpec, coder: TextCoder): Task {
  const { task, length, depth, seed } = spec;
  const random = seededRandom(seed);
  const nFacts = task === "secretWord" ? 1 : N_FACTS;
  const people = pick(random, PEOPLE, nFacts);
  const secrets = pick(random, SECRETS, nFacts);
  const facts = people.map((name, i) => {
    const head = coder.encode(`\nThe secret word of ${name} is`);
    const answer = coder.encode(` ${secrets[i]}`);
    return { head, answer, ids: [...head, ...answer, ...coder.encode(".\n")] };
  });
  const asked = Math.floor(random() * nFacts);
  const name = people[asked];
  const question = coder.encode(
    `\nWhat is the secret word of ${name}? The secret word of ${name} is`,
  );
  const { answer } = facts[asked];

  const taken = facts.reduce((sum, { ids }) => sum + ids.length, 0) + question.length;
  const room = length - coder.start.length - taken - answer.length;
  if (room < 0) throw noRoom(task, length - room, length);
  const filler = story(random, coder, room);
  const prompt = [...coder.start];
  const needle: number[] = [];
  let told = 0;
  facts.forEach(({ head, ids }, i) => {
    const share = nFacts === 1 ? depth / 100 : (i + 0.5) / nFacts;
    const upTo = Math.round(room * share);
    prompt.push(...filler.slice(told, upTo));
    told = upTo;
    if (i === asked) needle.push(...answer.map((_, j) => prompt.length + head.length + j));
    prompt.push(...ids);
  });
  return { prompt: [...prompt, ...filler.slice(told), ...question], answer, needle };
}

/** `n` ids of sentences in random order. */
function story(random: Random, coder: TextCoder, n: number): number[] {
  const ids: number[] = [];
  while (ids.length < n) {
    for (const sentence of pick(random, SENTENCES, SENTENCES.length)) {
      ids.push(...coder.encode(` ${sentence}`));
    }
  }
  return ids.slice(0, n);
}

/** `n` of these texts, none twice. */
function pick(random: Random, texts: readonly string[], n: number): string[] {
  return shuffled(random, texts.length)
    .slice(0, n)
    .map((i) => texts[i]);
}
