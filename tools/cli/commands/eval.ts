/**
 * `glm52 eval`: how well a model finds things in a long context.
 * @module
 */
import type { Command } from "commander";
import type { ModelConfig } from "../../../engine/index.ts";
import { evaluationSvg } from "../../eval/eval-svg.ts";
import { evaluationText } from "../../eval/eval-text.ts";
import { type EvalRequest, type Evaluation, evaluate } from "../../eval/evaluate.ts";
import { TASKS, type TaskName } from "../../eval/tasks.ts";
import { openModel } from "../../node/open.ts";
import { demoModel } from "../../node/our-package.ts";
import { checkWritable } from "../../node/output.ts";
import { allCores } from "../../node/threads.ts";
import { writeText } from "../../node/write-whole.ts";
import { checkContexts } from "../contexts.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { THREADS } from "../generation-options.ts";
import { integer, integerList } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const HELP = `
The tasks hide something in a long random text and ask for it. An answer is right if each of its
tokens is the likeliest one after the right tokens before it. For each length above twice
index_topk, the report also says which positions the queries of one needle text select.
docs/long-context-evaluation.md explains all numbers.

Examples:
  glm52 eval
  glm52 eval DIR --task needle --lengths 256,1024 --depths 0,25,50,75,100 --samples 20
  glm52 eval DIR --json --svg chart.svg > evaluation.json
`;

interface EvalOptions {
  readonly task: string;
  readonly lengths: readonly number[];
  readonly depths: readonly number[];
  readonly samples: number;
  readonly seed: number;
  readonly ids?: readonly number[];
  readonly threads: number;
  readonly json?: boolean;
  readonly svg?: string;
}

/** Adds `glm52 eval`. */
export function addEval(program: Command, terminal: Terminal): void {
  program
    .command("eval")
    .summary("measure how well a model finds things in a long context")
    .description(
      "Asks a model for things that stand in its context, and reports which positions it selects.",
    )
    .argument("[model]", "folder of a model (default: the demo model of this package)")
    .option("--task <list>", `the tasks: some of ${TASKS.join(", ")}`, TASKS.join(","))
    .option(
      "--lengths <list>",
      "lengths of prompt and answer together, in tokens",
      integerList,
      [256, 512],
    )
    .option(
      "--depths <list>",
      "where the needle stands, in percent of the text",
      integerList,
      [0, 50, 100],
    )
    .option("--samples <n>", "how many texts for each task, length and depth", integer(1), 5)
    .option("--seed <s>", "the same seed gives the same tasks", integer(0, 2 ** 31), 0)
    .option(
      "--ids <first,end>",
      "the ids that texts are made of: first … end - 1 (default: 1,half the vocabulary)",
      integerList,
    )
    .option("--threads <n>", "number of threads; changes no result", THREADS, allCores())
    .option("--json", "print JSON")
    .option("--svg <file>", "also write a chart to this file")
    .addHelpText("after", HELP + EXIT_CODES)
    .action((folder: string | undefined, options: EvalOptions) =>
      evalCommand(folder, options, terminal),
    );
}

async function evalCommand(
  folder: string | undefined,
  options: EvalOptions,
  { stdout, stderr }: Terminal,
): Promise<void> {
  const { depths, threads, svg } = options;
  const tasks = options.task.split(",").map(taskName);
  if (depths.some((depth) => depth > 100)) {
    throw new UsageError("--depths", `expected 0 … 100, got ${depths.join(",")}`);
  }
  if (svg !== undefined) await checkWritable(svg);
  const { model, close } = await openModel(folder ?? (await demoModel()), { threads, turbo: true });
  const progress = progressLine(stderr, "asking");
  let result: Evaluation;
  try {
    result = evaluate(model, requestOf(tasks, options, model.config), progress.update);
  } finally {
    progress.end();
    await close();
  }
  if (svg !== undefined) await writeText(svg, evaluationSvg(result));
  stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : evaluationText(result));
}

/** What the options ask of a model. */
function requestOf(
  tasks: readonly TaskName[],
  { lengths, depths, samples, seed, ids }: EvalOptions,
  config: ModelConfig,
): EvalRequest {
  checkContexts("--lengths", lengths, config);
  const { vocabSize } = config;
  const [first, end, ...more] = ids ?? [1, Math.floor(vocabSize / 2)];
  if (end === undefined || more.length > 0 || end > vocabSize) {
    throw new UsageError("--ids", `expected first,end up to ${vocabSize}, got ${ids}`);
  }
  return { tasks, lengths, depths, samples, seed, first, end };
}

function taskName(text: string): TaskName {
  const found = TASKS.find((name) => name === text);
  if (!found) throw new UsageError("--task", `expected ${TASKS.join(" or ")}, got ${text}`);
  return found;
}
