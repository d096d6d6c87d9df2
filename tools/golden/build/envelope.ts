/**
 * How far may rounding take an engine from a case, and which of its choices can it turn?
 *
 * This is measured: the case runs on engines of each class (arithmetics.ts), which are made to choose
 * what is right (replay.ts), and the largest error against float64 is kept. docs/golden-pack.md tells
 * what the file means.
 * @module
 */
import { type Model, referenceOps } from "../../../engine/index.ts";
import type { NamedTensor } from "../../../engine/trace/recorder.ts";
import { type CaseInfo, openCase, readCase } from "../case/case.ts";
import { CLASSES, type EngineClass, type PerClass } from "../case/engine-class.ts";
import {
  type Choice,
  ENVELOPE_FORMAT,
  type Envelope,
  type StageError,
  type Tie,
} from "../case/envelope-file.ts";
import { traceCase } from "../case/expectation.ts";
import { borders, gaps } from "../judge/margins.ts";
import { scoreTables } from "../judge/score-tables.ts";
import { engines } from "./arithmetics.ts";
import { compareRun } from "./compare-run.ts";
import { measured } from "./json-text.ts";
import { recordChoices, replayChoices } from "./replay.ts";

/** Other engines may be off this many times as far as ours. */
export const ROOM = 4;

/** Runs of one case: the right one, and those of each class with the right choices. */
interface Runs {
  readonly model: Model;
  readonly right: ReadonlyMap<string, NamedTensor>;
  readonly others: PerClass<readonly ReadonlyMap<string, NamedTensor>[]>;
}

/** Runs a case in all arithmetics, over its own tokens or others. */
export async function measureEnvelope(dir: string, tokens?: readonly number[]): Promise<Envelope> {
  const info = await readCase(dir);
  const runs = await runCase(dir, tokens ? { ...info, tokens } : info);
  const { choices, ties } = measureChoices(runs);
  return {
    format: ENVELOPE_FORMAT,
    room: ROOM,
    certified: CLASSES.filter((kind) => isCertain(choices, kind)),
    choices,
    ties,
    stages: measureStages(runs),
  };
}

/** Whether no engine of a class can turn a choice. */
function isCertain(choices: Envelope["choices"], kind: EngineClass): boolean {
  return Object.values(choices).every(({ margin, moved }) => margin > ROOM * moved[kind]);
}

async function runCase(dir: string, info: CaseInfo): Promise<Runs> {
  // All tokens run at once, so that choices come in the same order in every engine.
  const run = (model: Model) => {
    const tensors = traceCase(model, info, info.tokens.length);
    return new Map(tensors.map((tensor) => [tensor.name, tensor]));
  };
  const model = await openCase(dir, info, referenceOps("f64"));
  const { ops, choices } = recordChoices(model.ops);
  const right = run({ ...model, ops });
  const others = perClass((): ReadonlyMap<string, NamedTensor>[] => []);
  for (const kind of CLASSES) {
    for (const engine of engines(kind)) {
      const other = await openCase(dir, info, engine);
      others[kind].push(run({ ...other, ops: replayChoices(other.ops, choices) }));
    }
  }
  return { model, right, others };
}

/** One value for each class. */
const perClass = <T>(value: (kind: EngineClass) => T): PerClass<T> =>
  Object.fromEntries(CLASSES.map((kind) => [kind, value(kind)])) as PerClass<T>;

function measureStages({ right, others }: Runs): Envelope["stages"] {
  const reports = perClass((kind) =>
    others[kind].map((run) => {
      const { stages } = compareRun([...run.values()], right);
      return new Map(stages.map((stage) => [stage.name, stage]));
    }),
  );
  const names = [...reports.f32[0].keys()];
  const worst = (name: string, kind: EngineClass, key: "rms" | "largest"): number =>
    measured(Math.max(...reports[kind].map((report) => report.get(name)?.[key] ?? 0)));
  return Object.fromEntries(
    names.map((name) => [
      name,
      perClass((kind): StageError => [worst(name, kind, "rms"), worst(name, kind, "largest")]),
    ]),
  );
}

function measureChoices({ model, right, others }: Runs): Pick<Envelope, "choices" | "ties"> {
  const choices: Record<string, Choice> = {};
  const ties: Record<string, readonly Tie[]> = {};
  for (const [stage, want] of right) {
    scoreTables(stage, want, want, model).forEach(({ name, scores, k, unit }, i) => {
      const found = borders(scores, k);
      if (found.ties.length > 0) ties[name] = found.ties;
      const rightGaps = gaps(scores, found);
      const moved = perClass((kind) => {
        const runs = others[kind].map((run) => {
          const [table] = scoreTables(stage, run.get(stage) ?? want, want, model).slice(i);
          const moves = gaps(table.scores, found).map((gap, row) => Math.abs(gap - rightGaps[row]));
          return Math.max(...moves.filter((x) => !Number.isNaN(x)));
        });
        return measured(Math.max(...runs) / unit);
      });
      const row = narrowest(rightGaps);
      if (row >= 0) choices[name] = { margin: measured(rightGaps[row] / unit), row, moved };
    });
  }
  return { choices, ties };
}

/** The row of the smallest gap; −1 when there is none. */
function narrowest(list: Float64Array): number {
  return list.reduce(
    (best, x, i) => ((best < 0 ? !Number.isNaN(x) : x < list[best]) ? i : best),
    -1,
  );
}
