/**
 * `glm52 eval`: how well a model finds things in a long context.
 * @module
 */
import type { Command } from "commander";
import type { Activations, ModelConfig } from "../../../engine/index.ts";
import { evaluationSvg } from "../../eval/eval-svg.ts";
import { evaluationText } from "../../eval/eval-text.ts";
import {
  type AnyTaskName,
  type EvalRequest,
  type Evaluation,
  evaluate,
  isInWords,
} from "../../eval/evaluate.ts";
import { TASKS } from "../../eval/tasks.ts";
import { WORD_TASKS } from "../../eval/word-tasks.ts";
import type { Glm } from "../../library/glm.ts";
import { open } from "../../node/open.ts";
import { checkWritable } from "../../node/output.ts";
import { allCores } from "../../node/threads.ts";
import { writeText } from "../../node/write-whole.ts";
import { checkContexts } from "../contexts.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { activationsOption, THREADS } from "../generation-options.ts";
import { integer, integerList } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const HELP = `
The tasks hide something in a long text and ask for it. In those in words it is a secret word amid a
story: secretWord hides one at each depth, secretWords hides eight. They are the default for a model
with a tokenizer. The others are made of random token ids and fit any vocabulary; a model that was
trained on texts alone solves few of them:
${TASKS.join(", ")}.

An answer is right if each of its tokens is the likeliest one after the right tokens before it. For
each length above twice index_topk, the report also says which positions the queries of one text
select. docs/long-context-evaluation.md explains all numbers.

Examples:
  glm52 eval
  glm52 eval --lengths 256,4096 --depths 0,25,50,75,100 --svg chart.svg
  glm52 eval DIR --task needle --lengths 256,1024 --samples 20 --json > evaluation.json
`;

const ALL_TASKS: readonly AnyTaskName[] = [...WORD_TASKS, ...TASKS];

interface EvalOptions {
  readonly task?: string;
  readonly activations?: Activations;
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
    .option("--task <list>", `the tasks, e.g. secretWord,needle (default: ${WORD_TASKS.join(",")})`)
    .option(
      "--lengths <list>",
      "lengths of prompt and answer together, in tokens",
      integerList,
      [256, 1024],
    )
    .option(
      "--depths <list>",
      "where the needle stands, in percent of the text",
      integerList,
      [0, 50, 100],
    )
    .option("--samples <n>", "how many texts for each task, length and depth", integer(1), 3)
    .option("--seed <s>", "the same seed gives the same tasks", integer(0, 2 ** 31), 0)
    .option(
      "--ids <first,end>",
      "the ids that texts of token ids are made of: first … end - 1 (default: 1,half the vocabulary)",
      integerList,
    )
    .addOption(activationsOption())
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
  const { depths, threads, activations, svg } = options;
  const asked = options.task?.split(",").map(taskName);
  if (depths.some((depth) => depth > 100)) {
    throw new UsageError("--depths", `expected 0 … 100, got ${depths.join(",")}`);
  }
  if (svg !== undefined) await checkWritable(svg);
  const loading = progressLine(stderr, "loading");
  const glm = await open(folder, {
    ...{ threads, turbo: true, activations, mtp: "skip" },
    onProgress: loading.update,
  }).finally(loading.end);
  const progress = progressLine(stderr, "asking", "tok");
  let result: Evaluation;
  try {
    const tasks = asked ?? (glm.tokenizer ? WORD_TASKS : TASKS);
    result = evaluate(glm.model, requestOf(tasks, options, glm), progress.update);
  } finally {
    progress.end();
    await glm.close();
  }
  if (svg !== undefined) await writeText(svg, evaluationSvg(result));
  stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : evaluationText(result));
}

/** What the options ask of a model. */
function requestOf(
  tasks: readonly AnyTaskName[],
  { lengths, depths, samples, seed, ids }: EvalOptions,
  glm: Glm,
): EvalRequest {
  const config: ModelConfig = glm.model.config;
  checkContexts("--lengths", lengths, config);
  const lost = glm.tokenizer ? undefined : tasks.find(isInWords);
  if (lost) throw new UsageError("--task", `${lost} needs a tokenizer.json, this model has none`);
  const { vocabSize } = config;
  const [first, end, ...more] = ids ?? [1, Math.floor(vocabSize / 2)];
  if (end === undefined || more.length > 0 || end > vocabSize) {
    throw new UsageError("--ids", `expected first,end up to ${vocabSize}, got ${ids}`);
  }
  const { tokenizer, textStart: start } = glm;
  const coder = tokenizer && { start, encode: (text: string) => [...tokenizer.encode(text)] };
  return { tasks, lengths, depths, samples, seed, first, end, coder };
}

function taskName(text: string): AnyTaskName {
  const found = ALL_TASKS.find((name) => name === text);
  if (!found) throw new UsageError("--task", `expected ${ALL_TASKS.join(" or ")}, got ${text}`);
  return found;
}
