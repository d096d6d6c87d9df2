/**
 * `glm52 quantize`: a model with smaller weights.
 * @module
 */
import { type Command, Option } from "commander";
import { LAYOUTS } from "../../convert/plan.ts";
import { WEIGHT_FORMATS, type WeightFormat } from "../../convert/quantize.ts";
import { type QuantizeReport, quantize } from "../../convert/quantize-model.ts";
import { oneLine } from "../../library/one-line.ts";
import { allCores } from "../../node/threads.ts";
import { AnotherWork, unfinishedOf } from "../../node/unfinished-folder.ts";
import { ignoreConfigKeyOption, THREADS } from "../generation-options.ts";
import { interruptible } from "../interrupt.ts";
import { integerList } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import { quantizeText } from "../quantize-text.ts";
import type { Terminal } from "../terminal.ts";

interface QuantizeCommandOptions {
  readonly ignoreConfigKey?: readonly string[];
  readonly to: WeightFormat;
  readonly for?: "stream";
  readonly keep?: readonly string[];
  readonly text?: string;
  readonly tokens?: readonly number[];
  readonly threads: number;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

const HELP = `
Vectors, the router and the indexer's head weights keep their format. So do, for q8 and q4, the
matrices whose row length is not a multiple of 32. docs/quantised-weights.md describes the files.

The report has the sizes, the tensors with the largest NMSE (the sum of squared errors, divided by
the sum of squares), and how to run the result; --verbose and --json list all tensors. With --text or
--tokens it also says how far the logits of the new model are from those of the old one: the mean of
the KL divergence over the tokens, in nats, ± its standard error. A longer text makes that smaller.
The new folder must not exist or must be empty. It appears only when all of it is written. All cores
round, and the number of threads changes no bit.

The model may be larger than memory: rows are read, rounded and written block by block. What is
written waits in OUT.unfinished. When the command was broken off, by Ctrl-C, a full disk or a loss of
power, the same command goes on there: it reads what it finds, keeps what is right, and writes the
rest. The bytes are those of a run that nobody broke off.

Examples:
  glm52 quantize DIR DIR-q8 --to q8
  glm52 quantize GLM-5.2-FP8 GLM-5.2-q4 --to q4 --for stream
  glm52 quantize DIR DIR-q4 --to q4 --keep lm_head embed_tokens
  glm52 quantize DIR DIR-q8 --to q8 --text "Once upon a time" --json

Exit codes:
  0    the command did its work
  1    the model or the folder is not usable; stderr says why
  2    the command line is wrong
  130  Ctrl-C was pressed; the same command goes on
`;

/** Adds `glm52 quantize`. */
export function addQuantize(program: Command, terminal: Terminal): void {
  program
    .command("quantize")
    .summary("write a model with smaller weights")
    .description("Writes a copy of a model with its matrices in another number format.")
    .argument("<model>", "folder of a model")
    .argument("<out>", "the folder to make")
    .addOption(
      new Option("--to <f>", "the new number format").choices(WEIGHT_FORMATS).makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--for <use>",
        "lay the files out for run --stream: experts lie in one piece each, as they are multiplied",
      ).choices(LAYOUTS),
    )
    .option("--keep <names...>", "do not change tensors whose name contains one of these words")
    .option("--text <text>", "compare the logits of both models on this text")
    .addOption(
      new Option("--tokens <ids>", "compare the logits on these token ids, e.g. 1,2,3")
        .argParser(integerList)
        .conflicts("text"),
    )
    .addOption(ignoreConfigKeyOption())
    .option("--threads <n>", "number of threads; changes no bit", THREADS, allCores())
    .addOption(new Option("--verbose", "list all tensors").conflicts("json"))
    .option("--json", "print JSON, with all tensors")
    .addHelpText("after", HELP)
    .action(async (model: string, out: string, options: QuantizeCommandOptions) => {
      const report = await quantizeCommand(model, out, options, terminal);
      const text = options.json ? JSON.stringify(report) : quantizeText(report, out, options);
      terminal.stdout.write(`${text}\n`);
    });
}

/** Quantises the model, and shows a progress line meanwhile. */
async function quantizeCommand(
  folder: string,
  out: string,
  options: QuantizeCommandOptions,
  terminal: Terminal,
): Promise<QuantizeReport> {
  const { to, keep, text, tokens, threads, ignoreConfigKey: ignoreConfigKeys } = options;
  const checking = progressLine(terminal.stderr, "looking at what is there");
  const writing = progressLine(terminal.stderr, "writing");
  const comparing = progressLine(terminal.stderr, "comparing", "tok");
  const end = (): void => {
    for (const line of [checking, writing, comparing]) line.end();
  };
  const how = {
    ...{ to, for: options.for, keep, threads, ignoreConfigKeys, compareOn: text ?? tokens },
    keepsUnfinished: true,
    onChecked: checking.update,
    onProgress: (done: number, total: number) => {
      checking.end();
      writing.update(done, total);
    },
    onCompared: (done: number, total: number) => {
      writing.end();
      comparing.update(done, total);
    },
  };
  try {
    return await interruptible(terminal, (signal) => quantize(folder, out, { ...how, signal }));
  } catch (error) {
    end();
    const unfinished = await unfinishedOf(out).catch(() => undefined);
    if (unfinished !== undefined && !(error instanceof AnotherWork)) {
      const rest = "the same command goes on with it, and without that folder it begins anew";
      terminal.stderr.write(`${oneLine(`what is written is in ${unfinished}: ${rest}`)}\n`);
    }
    throw error;
  } finally {
    end();
  }
}
