/**
 * Evaluates a model on long contexts: asks for things that stand in the context, and observes which
 * positions are selected.
 *
 * Next: eval-text.ts, eval-svg.ts
 * @module
 */
import { argmax, type Model, Session } from "../../engine/index.ts";
import { type Observed, observe } from "./observe.ts";
import { score, wilson } from "./score.ts";
import { makeTask, type TaskName } from "./tasks.ts";

/** The tasks to make, and how many. */
export interface EvalRequest {
  readonly tasks: readonly TaskName[];
  /** Tokens of prompt and answer together. */
  readonly lengths: readonly number[];
  /** Where the needle stands, in percent of the text. */
  readonly depths: readonly number[];
  /** How many texts to make for each task, length and depth. */
  readonly samples: number;
  readonly seed: number;
  /** Texts are made of the ids `first … end - 1`. */
  readonly first: number;
  readonly end: number;
}

/** The result for one task, length and depth. */
export interface Cell {
  readonly task: TaskName;
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

/**
 * Runs an evaluation.
 *
 * @param onCell is called after each cell and each observed text, with the number done so far
 */
export function evaluate(
  model: Model,
  request: EvalRequest,
  onCell: (done: number, total: number) => void = () => {},
): Evaluation {
  const { tasks, lengths, depths, samples, seed, first, end } = request;
  const wanted = tasks.flatMap((task) =>
    lengths.flatMap((length) => depthsOf(task, depths).map((depth) => ({ task, length, depth }))),
  );
  const observed = lengths.filter((length) => length > 2 * model.config.indexTopk + 64);
  const total = wanted.length + observed.length;
  const cells = wanted.map((cell, i) => {
    const answered = answer(model, { ...cell, seed: seed + 1000 * i }, samples, request);
    onCell(i + 1, total);
    return answered;
  });
  const selections = observed.map((length, i) => {
    const spec = { task: "needle", length, depth: 50, seed, first, end } as const;
    const seen = observe(model, makeTask(spec));
    onCell(wanted.length + i + 1, total);
    return seen;
  });
  const [worst] = [...cells].sort((a, b) => a.tokens - b.tokens);
  return { seed, cells, worst, selections };
}

function depthsOf(task: TaskName, depths: readonly number[]): readonly (number | undefined)[] {
  return task === "needle" ? depths : [undefined];
}

function answer(
  model: Model,
  {
    task,
    length,
    depth,
    seed,
  }: Pick<Cell, "task" | "length" | "depth"> & { readonly seed: number },
  samples: number,
  { first, end }: Pick<EvalRequest, "first" | "end">,
): Cell {
  const shares: number[] = [];
  for (let i = 0; i < samples; i++) {
    const spec = { task, length, depth: depth ?? 0, seed: seed + i, first, end };
    const session = new Session(model, { maxContext: length });
    try {
      shares.push(
        score(makeTask(spec), (ids, last) => {
          if (ids.length > last) session.append(ids.slice(0, -last));
          return session.appendAll(ids.slice(-last)).map(argmax);
        }),
      );
    } finally {
      session.close();
    }
  }
  const nExact = shares.filter((share) => share === 1).length;
  const tokens = shares.reduce((sum, share) => sum + share, 0) / samples;
  const interval = wilson(nExact, samples);
  return { task, length, depth, samples, exact: nExact / samples, interval, tokens };
}
