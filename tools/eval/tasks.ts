/**
 * Seeded long-context tasks on the level of token ids; no text, so any vocabulary will do.
 *
 * Next: score.ts
 * @module
 */
import { type Random, seededRandom } from "../../engine/generate/random.ts";
import { CliError } from "../cli-error.ts";

/** Names of the tasks. */
export const TASKS = ["copy", "needle"] as const;

export type TaskName = (typeof TASKS)[number];

/** One question with its answer. */
export interface Task {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  /** Positions in the prompt of the tokens that hold the answer, ascending. */
  readonly needle: readonly number[];
}

/** What to make. */
export interface TaskSpec {
  readonly task: TaskName;
  /** Tokens of prompt and answer together; `copy` of an even length has one less. */
  readonly length: number;
  /** Where the needle stands, in percent of the room; `copy` has no use for it. */
  readonly depth: number;
  readonly seed: number;
  /** Ids to draw from: `first … end - 1`. The first one is the separator. */
  readonly first: number;
  readonly end: number;
}

/** Tokens of a value. */
const VALUE = 4;

/**
 * Makes a task; the same spec makes the same ids.
 *
 * `copy`: a sequence, a separator, and the sequence again as the answer.
 * `needle`: `separator key value` among random tokens without the separator and the key, then
 * `separator key`; the value is the answer.
 *
 * @throws {CliError} for a length without room or a range with less than 3 ids
 */
export function makeTask(spec: TaskSpec): Task {
  const { task, length, first, end, seed } = spec;
  const least = task === "copy" ? 3 : 2 * (VALUE + 2);
  if (length < least)
    throw new CliError(`${task}: expected a length of ${least} or more, got ${length}`);
  if (end - first < 3) throw new CliError(`${task}: expected 3 ids or more, got ${end - first}`);
  const random = seededRandom(seed);
  return task === "copy" ? copy(spec, random) : needle(spec, random);
}

function copy({ length, first, end }: TaskSpec, random: Random): Task {
  const n = Math.floor((length - 1) / 2);
  const answer = draw(random, n, first + 1, end);
  return { prompt: [...answer, first], answer, needle: answer.map((_, i) => i) };
}

function needle({ length, depth, first, end }: TaskSpec, random: Random): Task {
  // The last id is the key: no filler and no value is.
  const key = end - 1;
  const answer = draw(random, VALUE, first + 1, key);
  const room = length - 2 * (VALUE + 2);
  const filler = draw(random, room, first + 1, key);
  const at = Math.round((room * depth) / 100);
  return {
    prompt: [...filler.slice(0, at), first, key, ...answer, ...filler.slice(at), first, key],
    answer,
    needle: answer.map((_, i) => at + 2 + i),
  };
}

/** `n` ids of `from … end - 1`. */
function draw(random: Random, n: number, from: number, end: number): number[] {
  return Array.from({ length: n }, () => from + Math.floor(random() * (end - from)));
}
