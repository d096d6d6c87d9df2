/**
 * Texts for comparisons, made from a seed: nobody can prepare for them. What is said of somebody early in
 * a text is taken up late, so that a model has reason to look back far.
 * @module
 */
import { type Random, seededRandom } from "../../engine/generate/random.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";

const NAMES = "Mia Tom Lily Sam Ben Max Sue Tim Anna Jack Lucy Amy".split(" ");
const THINGS = "ball tree dog cat house cake bird car boat book hat box".split(" ");
const KINDS = "little big red blue old new happy sad pretty soft".split(" ");
const PLACES = "park garden kitchen forest river school street shop".split(" ");

/** The ids of a story, so many of them, with what every text of the model begins with. */
export function storyIds(tokenizer: Tokenizer, seed: number, length: number): number[] {
  const start = tokenizer.encode("[gMASK]<sop>");
  return [...start, ...tokenizer.encodeOrdinary(story(seed, length))].slice(0, length);
}

/** Short wishes for stories, none like another. */
export function scenes(seed: number, n: number): readonly string[] {
  const random = seededRandom(seed);
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)];
  return Array.from(
    { length: n },
    (_, i) => `Tell a story about ${NAMES[i % NAMES.length]} and a ${pick(KINDS)} ${pick(THINGS)}.`,
  );
}

/** A story of about so many words. */
function story(seed: number, nWords: number): string {
  const random = seededRandom(seed);
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)];
  const owned = new Map(NAMES.map((name) => [name, `${pick(KINDS)} ${pick(THINGS)}`]));
  const sentences: string[] = [];
  for (let words = 0; words < nWords; ) {
    const sentence = sentenceOf(random, pick, owned);
    sentences.push(sentence);
    words += sentence.split(" ").length;
  }
  return sentences.join(" ");
}

function sentenceOf(
  random: Random,
  pick: (list: readonly string[]) => string,
  owned: ReadonlyMap<string, string>,
): string {
  const name = pick(NAMES);
  const friend = pick(NAMES);
  const forms = [
    `${name} had a ${owned.get(name)}.`,
    `One day, ${name} went to the ${pick(PLACES)} with ${friend}.`,
    `"Look at my ${owned.get(name)}!" said ${name}.`,
    `${name} and ${friend} saw a ${pick(KINDS)} ${pick(THINGS)} in the ${pick(PLACES)}.`,
    `${friend} wanted to play with the ${owned.get(name)} of ${name}.`,
    `Then ${name} was very ${random() < 0.5 ? "happy" : "sad"}.`,
  ];
  return pick(forms);
}
