/**
 * Asks a model for what stands in its context, and looks at what it chooses.
 *
 * Next: eval-text.ts, eval-svg.ts
 * @module
 */
import { argmax, type Model, Session } from "../../engine/index.ts";
import { type Observed, observe } from "./observe.ts";
import { score, wilson } from "./score.ts";
import { makeTask, type TaskName } from "./tasks.ts";

/** What to ask. */
export interface EvalRequest {
  readonly tasks: readonly TaskName[];
  readonly lengths: readonly number[];
  /** Places of a needle, in percent. */
  readonly depths: readonly number[];
  /** Tasks per cell. */
  readonly samples: number;
  readonly seed: number;
  /** Ids to draw from: `first … end - 1`. */
  readonly first: number;
  readonly end: number;
}

/** Answers to tasks of one kind, length and depth. */
export interface Cell {
  readonly task: TaskName;
  readonly length: number;
  /** Undefined where the task has no depth. */
  readonly depth: number | undefined;
  readonly samples: number;
  /** Share of answers of which every token is the likeliest, and Wilson's 95 % interval. */
  readonly exact: number;
  readonly interval: readonly [low: number, high: number];
  /** Share of right tokens. */
  readonly tokens: number;
}

/** Everything that came out. */
export interface Evaluation {
  readonly seed: number;
  readonly cells: readonly Cell[];
  /** The cell with the fewest right tokens. */
  readonly worst: Cell | undefined;
  /** One text for each length that is longer than `2k`. */
  readonly selections: readonly Observed[];
}

/** @param onCell told after each cell, with the number done and wanted */
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
