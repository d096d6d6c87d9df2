/**
 * `glm52 eval`: how well a model finds things in a long context.
 * @module
 */
import { type Command, Option } from "commander";
import type { Activations } from "../../../engine/index.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { suiteText } from "../../agent/suite-text.ts";
import { endpointSubject } from "../../eval/endpoint-subject.ts";
import { evaluationSvg } from "../../eval/eval-svg.ts";
import { evaluationText } from "../../eval/eval-text.ts";
import {
  type AnyTaskName,
  type EvalRequest,
  type Evaluation,
  evaluate,
  isInWords,
} from "../../eval/evaluate.ts";
import { modelSubject } from "../../eval/model-subject.ts";
import { TASKS } from "../../eval/tasks.ts";
import { WORD_TASKS } from "../../eval/word-tasks.ts";
import { open } from "../../node/open.ts";
import { checkWritable } from "../../node/output.ts";
import { allCores } from "../../node/threads.ts";
import { writeText } from "../../node/write-whole.ts";
import { openRemoteModel } from "../../remote/remote-model.ts";
import { agentSuite } from "../agent-suite.ts";
import { checkContexts } from "../contexts.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { activationsOption, THREADS } from "../generation-options.ts";
import { interruptible } from "../interrupt.ts";
import { integer, integerList } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import {
  addUrlOptions,
  checkUrlUse,
  clientOf,
  findEndpoint,
  sayNotes,
  type UrlChoice,
} from "../url-option.ts";
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

--suite agent plays dialogues with tools instead, --samples of each of eight skills: is it the right tool, are
the arguments exact, does the answer use the result? docs/agent-suite.md explains what is counted.

With --url, an engine that runs elsewhere is asked: with greedy replies, so log-probabilities are not needed.
[model] is then the folder with its tokenizer and config.json, without weights. Tasks of token ids need a
server that takes and tells ids; what is selected is not observed.

Examples:
  glm52 eval
  glm52 eval --lengths 256,4096 --depths 0,25,50,75,100 --svg chart.svg
  glm52 eval --suite agent --samples 20
  glm52 eval ~/models/GLM-5.2 --url http://cluster:8000/v1 --lengths 8192,32768
  glm52 eval DIR --task needle --lengths 256,1024 --samples 20 --json > evaluation.json
`;

const ALL_TASKS: readonly AnyTaskName[] = [...WORD_TASKS, ...TASKS];

interface EvalOptions extends UrlChoice {
  readonly suite?: "agent";
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
  const command = program
    .command("eval")
    .summary("measure how well a model finds things in a long context")
    .description(
      "Asks a model for things that stand in its context, and reports which positions it selects.",
    )
    .argument("[model]", "folder of a model (default: the demo model of this package)")
    .addOption(
      new Option("--suite <name>", "another test: dialogues with tools").choices(["agent"]),
    )
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
    .option("--svg <file>", "also write a chart to this file");
  addUrlOptions(command)
    .addHelpText("after", HELP + EXIT_CODES)
    .action((folder: string | undefined, options: EvalOptions) => {
      checkUrlUse(command, options, HEEDED_ELSEWHERE);
      if (options.suite !== undefined) {
        refuseGiven(command, ["task", "lengths", "depths", "ids", "svg"]);
        return suiteCommand(folder, options, terminal);
      }
      return evalCommand(folder, options, terminal);
    });
}

/** The options that an engine elsewhere heeds. */
const HEEDED_ELSEWHERE = [
  "task",
  "lengths",
  "depths",
  "samples",
  "seed",
  "ids",
  "json",
  "svg",
  "suite",
];

/** @throws {UsageError} for an option that the suite cannot heed */
function refuseGiven(command: Command, names: readonly string[]): void {
  const given = names.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return;
  throw new UsageError(`--${given}`, "expected no --suite: its dialogues are what they are");
}

async function suiteCommand(
  folder: string | undefined,
  options: EvalOptions,
  terminal: Terminal,
): Promise<void> {
  const result = await agentSuite(folder, options, terminal);
  const text = options.json ? `${JSON.stringify(result, undefined, 2)}\n` : suiteText(result);
  terminal.stdout.write(text);
}

async function evalCommand(
  folder: string | undefined,
  options: EvalOptions,
  terminal: Terminal,
): Promise<void> {
  const { stdout } = terminal;
  const { depths, svg } = options;
  if (depths.some((depth) => depth > 100)) {
    throw new UsageError("--depths", `expected 0 … 100, got ${depths.join(",")}`);
  }
  if (svg !== undefined) await checkWritable(svg);
  const result = await (options.url === undefined
    ? evaluateHere(folder, options, terminal)
    : evaluateThere(folder, options.url, options, terminal));
  if (svg !== undefined) await writeText(svg, evaluationSvg(result));
  stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : evaluationText(result));
}

/** Evaluates a model that is loaded. */
async function evaluateHere(
  folder: string | undefined,
  options: EvalOptions,
  { stderr }: Terminal,
): Promise<Evaluation> {
  const { threads, activations } = options;
  const asked = options.task?.split(",").map(taskName);
  const loading = progressLine(stderr, "loading");
  const glm = await open(folder, {
    ...{ threads, turbo: true, activations, mtp: "skip" },
    onProgress: loading.update,
  }).finally(loading.end);
  const progress = progressLine(stderr, "asking", "tok");
  try {
    const { tokenizer, textStart } = glm;
    const { vocabSize, maxPositionEmbeddings: maxContext } = glm.config;
    const about = { tokenizer, textStart, vocabSize, maxContext };
    const tasks = asked ?? (tokenizer ? WORD_TASKS : TASKS);
    const request = requestOf(tasks, options, about);
    return await evaluate(modelSubject(glm.model), request, progress.update);
  } finally {
    progress.end();
    await glm.close();
  }
}

/** Evaluates an engine that runs elsewhere. */
async function evaluateThere(
  folder: string | undefined,
  url: string,
  options: EvalOptions,
  terminal: Terminal,
): Promise<Evaluation> {
  const { stderr } = terminal;
  const tasks = options.task?.split(",").map(taskName) ?? WORD_TASKS;
  const model = await openRemoteModel(folder);
  const client = clientOf(url, options);
  const endpoint = await findEndpoint(client, model, stderr);
  const inIds = tasks.find((task) => !isInWords(task));
  if (inIds !== undefined && !(endpoint.way.takesIds && endpoint.way.tellsIds)) {
    const what = `${inIds} is made of token ids, and this server takes or tells texts alone`;
    throw new UsageError("--task", `${what}; ${WORD_TASKS.join(" and ")} can be asked there`);
  }
  const maxContext = endpoint.maxContext ?? model.maxContext;
  const request = requestOf(tasks, options, { ...model, maxContext });
  sayNotes(
    client.url,
    ["which positions it selects is not observed: only a model here shows it"],
    stderr,
  );
  const progress = progressLine(stderr, "asking", "tok");
  try {
    return await interruptible(terminal, (signal) =>
      evaluate(endpointSubject(endpoint, model, signal), request, progress.update),
    );
  } finally {
    progress.end();
  }
}

/** What a request must know of a model. */
interface AskedModel {
  readonly tokenizer: Tokenizer | undefined;
  readonly textStart: readonly number[];
  readonly vocabSize: number;
  readonly maxContext: number;
}

/** What the options ask of a model. */
function requestOf(
  tasks: readonly AnyTaskName[],
  { lengths, depths, samples, seed, ids }: EvalOptions,
  { tokenizer, textStart: start, vocabSize, maxContext }: AskedModel,
): EvalRequest {
  checkContexts("--lengths", lengths, { maxPositionEmbeddings: maxContext });
  const lost = tokenizer ? undefined : tasks.find(isInWords);
  if (lost) throw new UsageError("--task", `${lost} needs a tokenizer.json, this model has none`);
  const [first, end, ...more] = ids ?? [1, Math.floor(vocabSize / 2)];
  if (end === undefined || more.length > 0 || end > vocabSize) {
    throw new UsageError("--ids", `expected first,end up to ${vocabSize}, got ${ids}`);
  }
  const coder = tokenizer && { start, encode: (text: string) => [...tokenizer.encode(text)] };
  return { tasks, lengths, depths, samples, seed, first, end, coder };
}

function taskName(text: string): AnyTaskName {
  const found = ALL_TASKS.find((name) => name === text);
  if (!found) throw new UsageError("--task", `expected ${ALL_TASKS.join(" or ")}, got ${text}`);
  return found;
}
