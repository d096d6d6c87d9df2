import type { Command } from "commander";
import { argmax } from "../engine/generate/sampler.ts";
import { Session } from "../engine/index.ts";
import { CliError } from "./cli-error.ts";
import { score, wilson } from "./eval/score.ts";
import { makeTask, TASKS, type TaskName } from "./eval/tasks.ts";
import { integer, integerList } from "./numbers.ts";
import { openModel } from "./open-model.ts";
import { demoModel } from "./our-package.ts";
import type { Terminal } from "./terminal.ts";
import { allCores, THREADS } from "./threads.ts";

const HELP = `
Answers are scored with the right prefix given: an answer counts when each of its tokens is the
likeliest. "exact" is the share of such answers with Wilson's 95 % interval, "tokens" the share of
right tokens. Ids are drawn from the first half of the vocabulary.

Examples:
  glm52 eval
  glm52 eval DIR --task needle --lengths 256,1024 --depths 0,50,100 --samples 20 --json
`;

interface EvalOptions {
  readonly task: string;
  readonly lengths: readonly number[];
  readonly depths: readonly number[];
  readonly samples: number;
  readonly seed: number;
  readonly threads: number;
  readonly json?: boolean;
}

/** Adds `glm52 eval`. */
export function addEval(program: Command, { stdout }: Terminal): void {
  program
    .command("eval")
    .summary("seeded long-context tasks")
    .description("Asks a model for what stands in its context, by length and depth.")
    .argument("[model]", "folder of a model (default: the demo model of this package)")
    .option("--task <list>", "copy, needle", TASKS.join(","))
    .option("--lengths <list>", "tokens of prompt and answer", integerList, [256, 512])
    .option("--depths <list>", "place of the needle in percent", integerList, [0, 50, 100])
    .option("--samples <n>", "tasks per cell", integer(1), 5)
    .option("--seed <s>", "the same seed gives the same tasks", integer(0, 2 ** 31), 0)
    .option("--threads <n>", "threads; changes no result", THREADS, allCores())
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action(async (folder: string | undefined, options: EvalOptions) => {
      const cells = await evaluate(folder ?? (await demoModel()), options);
      if (options.json) stdout.write(`${JSON.stringify({ seed: options.seed, cells })}\n`);
      else {
        for (const { task, length, depth, exact, tokens, interval } of cells) {
          const [low, high] = interval.map((x) => x.toFixed(2));
          stdout.write(
            `${task} ${length} at ${depth} %: exact ${exact.toFixed(2)} (${low} … ${high}), tokens ${tokens.toFixed(2)}\n`,
          );
        }
      }
    });
}

async function evaluate(folder: string, options: EvalOptions) {
  const { lengths, depths, samples, seed, threads } = options;
  const tasks = options.task.split(",").map(taskName);
  if (depths.some((depth) => depth > 100)) {
    throw new CliError(`--depths: expected 0 … 100, got ${depths.join(",")}`);
  }
  const { model } = await openModel(folder, { backend: "wasm", threads });
  const { maxPositionEmbeddings: max, vocabSize } = model.config;
  const tooLong = lengths.find((n) => n > max);
  if (tooLong !== undefined) {
    throw new CliError(`--lengths: expected at most ${max} (the model's longest), got ${tooLong}`);
  }
  const session = new Session(model, { maxContext: Math.max(...lengths) });
  const predict = (ids: readonly number[], last: number): number[] => {
    session.sync(ids.slice(0, ids.length - last));
    return session.appendAll(ids.slice(ids.length - last)).map(argmax);
  };
  const cells = tasks.flatMap((task) =>
    lengths.flatMap((length) => {
      return (task === "copy" ? [0] : depths).map((depth) => {
        const range = { first: 1, end: Math.floor(vocabSize / 2) };
        const scores = Array.from({ length: samples }, (_, i) =>
          score(makeTask({ task, length, depth, seed: seed + i, ...range }), predict),
        );
        const hits = scores.filter((share) => share === 1).length;
        const tokens = scores.reduce((sum, share) => sum + share, 0) / samples;
        return {
          task,
          length,
          depth,
          exact: hits / samples,
          interval: wilson(hits, samples),
          tokens,
        };
      });
    }),
  );
  session.close();
  return cells;
}

function taskName(text: string): TaskName {
  const found = TASKS.find((name) => name === text);
  if (!found) throw new CliError(`--task: expected ${TASKS.join(" or ")}, got ${text}`);
  return found;
}
