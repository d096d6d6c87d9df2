/**
 * Evaluates a model on long contexts: asks for things that stand in the context, and observes which
 * positions are selected.
 *
 * Next: model-subject.ts, eval-text.ts, eval-svg.ts
 * @module
 */
import { ArgumentError } from "../../engine/index.ts";
import type { Observed } from "./observe.ts";
import { score, wilson } from "./score.ts";
import { makeTask, type Task, type TaskName, type TaskSpec } from "./tasks.ts";
import { makeWordTask, type TextCoder, WORD_TASKS, type WordTaskName } from "./word-tasks.ts";

/** The name of a task, of token ids or in words. */
export type AnyTaskName = TaskName | WordTaskName;

/** The tasks to make, and how many. */
export interface EvalRequest {
  readonly tasks: readonly AnyTaskName[];
  /** Tokens of prompt and answer together. */
  readonly lengths: readonly number[];
  /** Where the needle stands, in percent of the text. */
  readonly depths: readonly number[];
  /** How many texts to make for each task, length and depth. */
  readonly samples: number;
  readonly seed: number;
  /** The tokenizer, which tasks in words need. */
  readonly coder?: TextCoder | undefined;
  /** Texts of token ids are made of the ids `first … end - 1`. */
  readonly first: number;
  readonly end: number;
}

/** The result for one task, length and depth. */
export interface Cell {
  readonly task: AnyTaskName;
  readonly length: number;
  /** Undefined where the task has no depth. */
  readonly depth: number | undefined;
  readonly samples: number;
  /** Share of the answers in which every token is right. */
  readonly exact: number;
  /** Wilson's 95 % interval of `exact`. */
  readonly interval: readonly [low: number, high: number];
  /** Share of right tokens. */
  readonly tokens: number;
}

/** All results of an evaluation. */
export interface Evaluation {
  readonly seed: number;
  readonly cells: readonly Cell[];
  /** The cell with the fewest right tokens. */
  readonly worst: Cell | undefined;
  /** What was observed in one text of each length that is clearly above twice `index_topk`. */
  readonly selections: readonly Observed[];
}

/** Who is evaluated: a model that runs here, or an engine that runs elsewhere. */
export interface Subject {
  /**
   * Returns the likeliest next token after each of the last `last` tokens of `ids`.
   *
   * @param onRead is told of tokens that were read before the whole answer is there
   */
  predict(
    ids: readonly number[],
    last: number,
    onRead: (n: number) => void,
  ): Promise<readonly number[]>;
  /** From which length on selections can be observed; undefined where nobody sees them. */
  readonly observesFrom: number | undefined;
  /** Observes the selections in a text. */
  observe?(task: Task): Observed;
}

/**
 * Runs an evaluation.
 *
 * @param onProgress is told the tokens that were read so far, and about how many there are in all
 */
export async function evaluate(
  subject: Subject,
  request: EvalRequest,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Evaluation> {
  const { tasks, lengths, depths, samples, seed } = request;
  const wanted = tasks.flatMap((task) =>
    lengths.flatMap((length) => depthsOf(task, depths).map((depth) => ({ task, length, depth }))),
  );
  const { observesFrom = Number.POSITIVE_INFINITY } = subject;
  const observed = lengths.filter((length) => length > observesFrom);
  const sum = (all: readonly number[]): number => all.reduce((n, length) => n + length, 0);
  const total = samples * sum(wanted.map(({ length }) => length)) + sum(observed);
  let done = 0;
  const onRead = (n: number): void => {
    done += n;
    onProgress(done, total);
  };
  onRead(0);
  const cells: Cell[] = [];
  for (const [i, cell] of wanted.entries()) {
    cells.push(await answer(subject, { ...cell, seed: seed + 1000 * i }, request, onRead));
  }
  // A text in words is observed where such texts are asked for: it is what the model can read.
  const task = tasks.includes("secretWord") ? "secretWord" : "needle";
  const selections = observed.flatMap((length) => {
    const seen = subject.observe?.(make({ task, length, depth: 50, seed }, request));
    onRead(length);
    return seen ?? [];
  });
  const [worst] = [...cells].sort((a, b) => a.tokens - b.tokens);
  return { seed, cells, worst, selections };
}

function depthsOf(task: AnyTaskName, depths: readonly number[]): readonly (number | undefined)[] {
  return task === "needle" || task === "secretWord" ? depths : [undefined];
}

/** Which text to make. */
type AnyTaskSpec = Omit<TaskSpec, "task" | "first" | "end"> & { readonly task: AnyTaskName };

function make(
  { task, ...spec }: AnyTaskSpec,
  { first, end, coder }: Pick<EvalRequest, "first" | "end" | "coder">,
): Task {
  if (!isInWords(task)) return makeTask({ ...spec, task, first, end });
  if (!coder) throw new ArgumentError(task, "needs a tokenizer.json, and this model has none");
  return makeWordTask({ ...spec, task }, coder);
}

/** Whether a task consists of words, not of token ids. */
export function isInWords(task: AnyTaskName): task is WordTaskName {
  return WORD_TASKS.some((name) => name === task);
}

async function answer(
  subject: Subject,
  cell: Pick<Cell, "task" | "length" | "depth"> & { readonly seed: number },
  request: EvalRequest,
  onRead: (n: number) => void,
): Promise<Cell> {
  const { task, length, depth, seed } = cell;
  const { samples } = request;
  const shares: number[] = [];
  for (let i = 0; i < samples; i++) {
    const text = make({ task, length, depth: depth ?? 0, seed: seed + i }, request);
    let nRead = 0;
    const onSome = (n: number): void => {
      nRead += n;
      onRead(n);
    };
    shares.push(await score(text, (ids, last) => subject.predict(ids, last, onSome)));
    onRead(length - nRead);
  }
  const nExact = shares.filter((share) => share === 1).length;
  const tokens = shares.reduce((sum, share) => sum + share, 0) / samples;
  const interval = wilson(nExact, samples);
  return { task, length, depth, samples, exact: nExact / samples, interval, tokens };
}
