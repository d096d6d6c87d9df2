/**
 * Random tasks for long contexts. They consist of token ids, not of text, so that they fit any
 * vocabulary; word-tasks.ts has tasks in words. The same seed gives the same task.
 *
 * | task       | in the context                          | asked                | answer        |
 * | ---------- | --------------------------------------- | -------------------- | ------------- |
 * | copy       | a sequence                              | separator            | the sequence  |
 * | recall     | pairs of key and value, without a gap   | a key                | its value     |
 * | needle     | separator key value, among fillers      | separator key        | its value     |
 * | multiKey   | eight needles with different keys       | separator, one key   | its value     |
 * | multiValue | three needles with the same key         | separator key        | all values    |
 * | tracking   | a chain: key value, value value, …      | separator key        | all its links |
 *
 * Next: word-tasks.ts, score.ts, selection.ts
 * @module
 */

import { type Random, seededRandom } from "../../engine/generate/random.ts";
import { UserError } from "../node/user-error.ts";

/** Names of the tasks; the table above describes them. */
export const TASKS = ["copy", "recall", "needle", "multiKey", "multiValue", "tracking"] as const;

/** The name of a task. */
export type TaskName = (typeof TASKS)[number];

/** A text that ends in a question, and the right answer. */
export interface Task {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  /** Where the answer stands in the prompt: the position of each of its tokens. */
  readonly needle: readonly number[];
}

/** What task to make. */
export interface TaskSpec {
  readonly task: TaskName;
  /** Tokens of prompt and answer together; a `copy` or `recall` task may have one less. */
  readonly length: number;
  /** Where a single needle stands, in percent. Several needles are spread over the whole text. */
  readonly depth: number;
  readonly seed: number;
  /** The task is made of the ids `first … end - 1`. `first` is the separator. */
  readonly first: number;
  readonly end: number;
}

/** Number of tokens of a needle's value. */
const VALUE = 4;
/** Number of keys, and so of needles in a multiKey task. */
const N_KEYS = 8;
/** Number of needles in a multiValue task. */
const N_VALUES = 3;
/** Number of links in a tracking task. */
const N_LINKS = 4;

/** How many ids a task needs: a separator, the keys, and a few others for fillers and values. */
const LEAST_IDS = 1 + N_KEYS + 8;

/** A piece of the context, and the places in it of tokens of the answer. */
interface Piece {
  readonly ids: readonly number[];
  readonly holds: readonly number[];
}

/**
 * Makes a task. The same spec makes the same ids.
 *
 * @throws {UserError} when the length is too small for the task, or there are too few ids
 */
export function makeTask(spec: TaskSpec): Task {
  const { task, first, end, seed } = spec;
  if (end - first < LEAST_IDS) {
    throw new UserError(task, `expected ${LEAST_IDS} ids or more, got ${end - first}`);
  }
  const random = seededRandom(seed);
  // The last ids are the keys. They are never used as fillers or values.
  const keys = shuffled(random, N_KEYS).map((i) => end - 1 - i);
  const value = (n: number): number[] => draw(random, n, first + 1, end - N_KEYS);
  switch (task) {
    case "copy":
      return copy(spec, value);
    case "recall":
      return recall(spec, random);
    case "needle": {
      const answer = value(VALUE);
      return hide(spec, value, [fact(first, keys[0], answer, true)], [first, keys[0]], answer);
    }
    case "multiKey": {
      const answer = value(VALUE);
      const others = keys.slice(1).map((key) => fact(first, key, value(VALUE), false));
      const at = Math.floor(random() * N_KEYS);
      const facts = others.toSpliced(at, 0, fact(first, keys[0], answer, true));
      return hide(spec, value, facts, [first, keys[0]], answer);
    }
    case "multiValue": {
      const values = Array.from({ length: N_VALUES }, () => value(1));
      const facts = values.map((one) => fact(first, keys[0], one, true));
      return hide(spec, value, facts, [first, keys[0]], values.flat());
    }
    case "tracking": {
      const links = keys.slice(1, 1 + N_LINKS);
      const from = [keys[0], ...links];
      const facts = links.map((link, i) => fact(first, from[i], [link], true));
      return hide(spec, value, facts, [first, keys[0]], links);
    }
    default:
      return task satisfies never;
  }
}

function copy({ task, length, first }: TaskSpec, value: (n: number) => number[]): Task {
  const n = Math.floor((length - 1) / 2);
  if (n < 1) throw noRoom(task, 3, length);
  const answer = value(n);
  return { prompt: [...answer, first], answer, needle: answer.map((_, i) => i) };
}

/**
 * A recall task. Keys are ids of the lower half, each at most once; values are of the upper half.
 */
function recall({ task, length, first, end }: TaskSpec, random: Random): Task {
  const half = Math.floor((end - first) / 2);
  const nPairs = Math.min(Math.floor((length - 2) / 2), half - 1);
  if (nPairs < 1) throw noRoom(task, 4, length);
  const keys = shuffled(random, half - 1).slice(0, nPairs);
  const pairs = keys.map((key) => [first + 1 + key, ...draw(random, 1, first + half, end)]);
  const asked = Math.floor(random() * nPairs);
  const [key, answer] = pairs[asked];
  return { prompt: [...pairs.flat(), key], answer: [answer], needle: [2 * asked + 1] };
}

function fact(separator: number, key: number, value: readonly number[], isNeedle: boolean): Piece {
  return { ids: [separator, key, ...value], holds: isNeedle ? value.map((_, i) => i + 2) : [] };
}

/**
 * Puts pieces among fillers, and the question at the end. One piece is put at the depth; several
 * are put at equal distances.
 */
function hide(
  { task, length, depth }: TaskSpec,
  filler: (n: number) => number[],
  pieces: readonly Piece[],
  question: readonly number[],
  answer: readonly number[],
): Task {
  const taken = pieces.reduce((sum, { ids }) => sum + ids.length, 0);
  const room = length - taken - question.length - answer.length;
  if (room < 0) throw noRoom(task, length - room, length);
  const gaps = filler(room);
  const prompt: number[] = [];
  const needle: number[] = [];
  let nGaps = 0;
  pieces.forEach(({ ids, holds }, i) => {
    const share = pieces.length === 1 ? depth / 100 : (i + 0.5) / pieces.length;
    const upTo = Math.round(room * share);
    prompt.push(...gaps.slice(nGaps, upTo));
    nGaps = upTo;
    needle.push(...holds.map((at) => prompt.length + at));
    prompt.push(...ids);
  });
  return { prompt: [...prompt, ...gaps.slice(nGaps), ...question], answer, needle };
}

/** The error of a length that is too small for a task. */
export function noRoom(task: string, least: number, length: number): UserError {
  return new UserError(task, `expected a length of ${least} or more, got ${length}`);
}

/** `n` random ids of `from … end - 1`. */
function draw(random: Random, n: number, from: number, end: number): number[] {
  return Array.from({ length: n }, () => from + Math.floor(random() * (end - from)));
}

/** `0 … n - 1` in random order. */
export function shuffled(random: Random, n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
