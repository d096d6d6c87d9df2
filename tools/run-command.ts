import { type Command, Option } from "commander";
import type { SamplingOptions } from "../engine/index.ts";
import { CliError } from "./cli-error.ts";
import { readSampling } from "./generation-config.ts";
import { decimal, integer, integerList } from "./numbers.ts";
import { BACKENDS, type Backend, openModel } from "./open-model.ts";
import { openTokenizer } from "./open-tokenizer.ts";
import { demoModel } from "./our-package.ts";
import { progressLine } from "./progress.ts";
import { readPrompt } from "./prompt.ts";
import { type RunRequest, run } from "./run.ts";
import { resultJson, summaryLine } from "./run-output.ts";
import type { Terminal } from "./terminal.ts";

interface RunOptions {
  readonly model?: string;
  readonly backend: Backend;
  readonly check?: boolean;
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed: number;
  readonly stop?: readonly string[];
  readonly tokens?: readonly number[];
  readonly bos?: string;
  readonly echo?: boolean;
  readonly draft: number;
  readonly chunk: number;
  readonly latentEps?: number;
  readonly logprobs?: number;
  readonly json?: boolean;
}

const HELP = `
A text begins with what the tokenizer's post-processor says, else with <|endoftext|> if the
tokenizer has it and the model no chat_template.jinja; --bos replaces that. Ids given with --tokens
stand alone. A prompt from stdin loses one newline at its end. A model without a tokenizer.json
takes and prints ids.

Speeds go to stderr. With --json, stdout is one object:
  {prompt_ids, ids, text, finish_reason: "stop" | "length" | "context" | "aborted",
   logprobs?: [{id, logprob, top: [{id, logprob}]}], timing}

Examples:
  glm52 run "Once upon a time"
  glm52 run "Once upon a time" --temperature 0 --draft 3
  echo "One day" | glm52 run --seed 7 --max-tokens 100 --stop "."
  glm52 run --model ~/models/tiny --tokens 57,15,52 --max-tokens 8 --json --logprobs 5
`;

/** Adds `glm52 run`. */
export function addRun(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const stops = (text: string, before: readonly string[] = []) => [...before, text];
  program
    .command("run")
    .summary("generate text")
    .description("Generates after a prompt and streams the text to stdout.")
    .argument("[prompt]", "text to go on from (default: stdin, or nothing on a terminal)")
    .option("--model <dir>", "folder of the model (default: the demo model of this package)")
    .option("--max-tokens <n>", "tokens to generate at most", integer(0), 256)
    .option("--temperature <t>", "0 is greedy (default: the model's, else 0)", NOT_NEGATIVE)
    .option("--top-p <p>", "keep the likeliest tokens up to this sum (default: the model's)", SHARE)
    .option("--top-k <k>", "keep the k likeliest tokens, 0 for all (default: the model's)", COUNT)
    .option("--min-p <p>", "drop tokens below p times the likeliest (default: the model's)", UNIT)
    .option("--repetition-penalty <r>", "above 1 for less repetition", POSITIVE)
    .option("--seed <s>", "the same seed gives the same text", integer(0, 2 ** 32 - 1), 0)
    .option("--stop <text>", "end before this text; may be given several times", stops)
    .option("--tokens <ids>", "the prompt as token ids, e.g. 1,2,3", integerList)
    .option("--bos <text>", "what to put before a text, or none")
    .option("--echo", "print the prompt too")
    .option("--draft <n>", "guess n tokens ahead with the MTP layer", COUNT, 0)
    .option("--chunk <n>", "prompt tokens per step; changes no result", integer(1), 64)
    .option("--latent-eps <e>", "epsilon of the latent norms (default: rms_norm_eps)", POSITIVE)
    .option("--logprobs <n>", "with --json: log-probabilities, of the n likeliest too", COUNT)
    .addOption(new Option("--json", "print one JSON object at the end").conflicts("echo"))
    .addOption(new Option("--backend <name>", "arithmetic").choices(BACKENDS).default("reference"))
    .option("--check", "compare every op with the f64 reference, and stop at a bad one")
    .addHelpText("after", HELP)
    .action(async (text: string | undefined, options: RunOptions, command: Command) => {
      if (text !== undefined && options.tokens) {
        command.error("error: give the prompt as a text or with --tokens, not both");
      }
      if (options.logprobs !== undefined && !options.json) {
        command.error("error: --logprobs needs --json");
      }
      if (options.stop?.includes("")) command.error("error: --stop: expected a text, got nothing");
      exit(await runCommand(text, options, terminal));
    });
}

const COUNT = integer(0);
const NOT_NEGATIVE = decimal("a number of 0 or more", (x) => x >= 0);
const POSITIVE = decimal("a number above 0", (x) => x > 0);
const SHARE = decimal("a number above 0, at most 1", (x) => x > 0 && x <= 1);
const UNIT = decimal("a number 0 … 1", (x) => x >= 0 && x <= 1);

/** Returns the exit code. */
async function runCommand(
  text: string | undefined,
  options: RunOptions,
  { stdin, stdout, stderr, onInterrupt }: Terminal,
): Promise<number> {
  const folder = options.model ?? (await demoModel());
  const loading = progressLine(stderr, "loading");
  const { model } = await openModel(folder, {
    backend: options.backend,
    check: options.check ?? false,
    latentEps: options.latentEps,
    onProgress: loading.update,
  }).finally(loading.end);
  const opened = await openTokenizer(folder, model.config);
  if (!opened && options.stop) {
    throw new CliError("--stop: this model has no tokenizer.json, so there is no text");
  }
  const { bos, tokens, logprobs } = options;
  const prompt = await readPrompt({ text, tokens, bos }, opened, stdin);
  const request: RunRequest = {
    prompt: prompt.ids,
    stopTexts: options.stop ?? [],
    chunk: options.chunk,
    generation: {
      maxTokens: options.maxTokens,
      sampling: {
        ...(await readSampling(folder)),
        ...chosen(options),
        ...(opened && { vocabLimit: opened.tokenizer.vocabSize }),
      },
      seed: options.seed,
      stopIds: model.config.eosTokenIds,
      topLogProbs: logprobs ?? 0,
      draftSteps: options.draft,
    },
  };

  const abort = new AbortController();
  const stopListening = onInterrupt(() => abort.abort());
  const prefilling = progressLine(stderr, "reading the prompt");
  const say = options.json ? () => {} : stdout.write;
  const result = await run(model, request, {
    decoder: opened?.tokenizer.decodeStream({ skipSpecial: true }),
    onPrefill: prefilling.update,
    onPrefilled: () => {
      prefilling.end();
      if (options.echo) say(prompt.text());
    },
    onText: say,
    signal: abort.signal,
  }).finally(() => {
    prefilling.end();
    stopListening();
  });
  if (options.json) {
    const hasText = opened !== undefined;
    stdout.write(resultJson(prompt.ids, result, { logProbs: logprobs !== undefined, hasText }));
  } else if (stdout.isTerminal && !result.text.endsWith("\n")) {
    stdout.write("\n");
  }
  stderr.write(summaryLine(result, options.draft));
  return result.finishReason === "aborted" ? 130 : 0;
}

/** The sampling options on the command line, without those that are not there. */
function chosen(options: RunOptions): SamplingOptions {
  const { temperature, topP, topK, minP, repetitionPenalty } = options;
  const given = { temperature, topP, topK, minP, repetitionPenalty };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
