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
  const facts = drawFacts(random, coder, nFacts);
  const asked = facts[Math.floor(random() * nFacts)];
  const { question, answer } = asked;
  const room = roomFor(task, length, coder, facts, question.length + answer.length);
  const context = tell(facts, story(random, coder, room), coder, (i) =>
    nFacts === 1 ? depth / 100 : (i + 0.5) / nFacts,
  );
  const needle = answer.map((_, j) => context.places[facts.indexOf(asked)] + j);
  return { prompt: [...context.ids, ...question], answer, needle };
}

/** A text with facts, and a question about each of them. */
export interface RecallSet {
  readonly context: readonly number[];
  readonly questions: readonly RecallQuestion[];
}

/** A question about one fact of a text. */
export interface RecallQuestion extends Pick<Fact, "name" | "secret" | "question" | "answer"> {
  /** Where the answer stands in the text. */
  readonly place: number;
}

/**
 * Makes a text of so many tokens, questions included, with facts from its beginning on. Behind the last of them
 * are `behind` tokens at least, so that no question is near its answer.
 */
export function makeRecallSet(
  {
    length,
    behind,
    seed,
  }: { readonly length: number; readonly behind: number; readonly seed: number },
  coder: TextCoder,
): RecallSet {
  const random = seededRandom(seed);
  const facts = drawFacts(random, coder, N_FACTS);
  const longest = Math.max(...facts.map((fact) => fact.question.length + fact.answer.length));
  const room = roomFor("recall", length - behind, coder, facts, longest) + behind;
  const share = (room - behind) / room;
  const { ids, places } = tell(
    facts,
    story(random, coder, room),
    coder,
    (i) => (share * i) / N_FACTS,
  );
  return { context: ids, questions: facts.map((fact, i) => ({ ...fact, place: places[i] })) };
}

/** Somebody's secret word: how it is told, and how it is asked for. */
interface Fact {
  readonly name: string;
  readonly secret: string;
  readonly head: readonly number[];
  readonly answer: readonly number[];
  readonly ids: readonly number[];
  readonly question: readonly number[];
}

function drawFacts(random: Random, coder: TextCoder, nFacts: number): readonly Fact[] {
  const people = pick(random, PEOPLE, nFacts);
  const secrets = pick(random, SECRETS, nFacts);
  return people.map((name, i) => {
    const head = coder.encode(`\nThe secret word of ${name} is`);
    const answer = coder.encode(` ${secrets[i]}`);
    const ids = [...head, ...answer, ...coder.encode(".\n")];
    const question = coder.encode(
      `\nWhat is the secret word of ${name}? The secret word of ${name} is`,
    );
    return { name, secret: secrets[i], head, answer, ids, question };
  });
}

/** Tokens that are left for the story. */
function roomFor(
  task: string,
  length: number,
  { start }: TextCoder,
  facts: readonly Fact[],
  asked: number,
): number {
  const taken = facts.reduce((sum, { ids }) => sum + ids.length, 0) + asked;
  const room = length - start.length - taken;
  if (room < 0) throw noRoom(task, length - room, length);
  return room;
}

/** Puts facts into a story, each behind a share of it. `places`: where the answers stand. */
function tell(
  facts: readonly Fact[],
  filler: readonly number[],
  { start }: TextCoder,
  shareOf: (i: number) => number,
): { readonly ids: readonly number[]; readonly places: readonly number[] } {
  const ids = [...start];
  const places: number[] = [];
  let told = 0;
  facts.forEach((fact, i) => {
    const upTo = Math.round(filler.length * shareOf(i));
    ids.push(...filler.slice(told, upTo));
    told = upTo;
    places.push(ids.length + fact.head.length);
    ids.push(...fact.ids);
  });
  return { ids: [...ids, ...filler.slice(told)], places };
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
