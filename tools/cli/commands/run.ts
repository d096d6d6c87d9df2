import { type Command, Option } from "commander";
import { UserError } from "../../node/user-error.ts";
import type { SavedSession } from "../../sessions/saved-session.ts";
import { type RunRequest, run } from "../../text/generate-text.ts";
import {
  addGenerationOptions,
  COUNT,
  type GenerationOptions,
  type Keeping,
  keepingOf,
  openSpeaker,
  type Speaker,
} from "../generation-options.ts";
import { integerList } from "../numbers.ts";
import { progressLine } from "../progress.ts";
import { readPrompt } from "../prompt.ts";
import { resultJson, summaryLine } from "../run-output.ts";
import { openNamed, sessionOption, sessionsOption } from "../session-option.ts";
import type { Terminal } from "../terminal.ts";

/** The options of `glm52 run`. */
export interface RunOptions extends GenerationOptions {
  readonly stop?: readonly string[];
  readonly tokens?: readonly number[];
  readonly bos?: string;
  readonly echo?: boolean;
  readonly logprobs?: number;
  readonly json?: boolean;
  readonly session?: string;
  readonly sessions: string;
}

const HELP = `
A text begins with what the tokenizer's post-processor says, else with <|endoftext|> if the
tokenizer has it and the model no chat_template.jinja; --bos replaces that. Ids given with --tokens
stand alone. A prompt from stdin loses one newline at its end. A model without a tokenizer.json
takes and prints ids.

Speeds go to stderr. With --json, stdout is one object:
  {prompt_ids, ids, text, finish_reason: "stop" | "length" | "context" | "aborted",
   logprobs?: [{id, logprob, top: [{id, logprob}]}], timing,
   cold_rows?: {hits, misses, ahead, in_time, late, bytes_read, bytes_written}}

Examples:
  glm52 run "Once upon a time"
  glm52 run "Once upon a time" --temperature 0 --draft 3
  echo "One day" | glm52 run --seed 7 --max-tokens 100 --stop "."
  glm52 run --session tale "Once upon a time"; glm52 run --session tale " Then"
  glm52 run < long.txt --kv-type int8 --kv-ram 512MB --kv-file /scratch/rows
  glm52 run --model ~/models/tiny --tokens 57,15,52 --max-tokens 8 --json --logprobs 5
`;

/** Adds `glm52 run`. */
export function addRun(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const stops = (text: string, before: readonly string[] = []) => [...before, text];
  const command = program
    .command("run")
    .summary("generate text")
    .description("Generates after a prompt and streams the text to stdout.")
    .argument("[prompt]", "text to go on from (default: stdin, or nothing on a terminal)");
  addGenerationOptions(command)
    .option("--stop <text>", "end before this text; may be given several times", stops)
    .option("--tokens <ids>", "the prompt as token ids, e.g. 1,2,3", integerList)
    .option("--bos <text>", "what to put before a text, or none")
    .option("--echo", "print the prompt too")
    .option("--logprobs <n>", "with --json: log-probabilities, of the n likeliest too", COUNT)
    .addOption(new Option("--json", "print one JSON object at the end").conflicts("echo"))
    .addOption(sessionOption())
    .addOption(sessionsOption())
    .addHelpText("after", HELP)
    .action(async (text: string | undefined, options: RunOptions) => {
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

/** Returns the exit code. */
export async function runCommand(
  text: string | undefined,
  options: RunOptions,
  terminal: Terminal,
): Promise<number> {
  const { stderr } = terminal;
  const speaker = await openSpeaker(options, stderr);
  if (!speaker.opened && options.stop) {
    throw new UserError("--stop", "this model has no tokenizer.json, so there is no text");
  }
  const keeping = await keepingOf(options);
  const session =
    options.session === undefined
      ? undefined
      : await openNamed(options.session, "text", options, stderr);
  try {
    return await generateAfter(text, options, terminal, speaker, keeping, session?.saved);
  } finally {
    session?.close();
  }
}

/** Generates after the saved text, if there is one, and the prompt. Returns the exit code. */
async function generateAfter(
  text: string | undefined,
  options: RunOptions,
  { stdin, stdout, stderr, onInterrupt }: Terminal,
  { model, opened, sampling }: Speaker,
  keeping: Keeping,
  saved: SavedSession | undefined,
): Promise<number> {
  const { bos, tokens, logprobs } = options;
  const before = saved?.text ?? [];
  const start = bos ?? (before.length > 0 ? "none" : undefined);
  const prompt = await readPrompt({ text, tokens, bos: start }, opened, stdin);
  const request: RunRequest = {
    prompt: [...before, ...prompt.ids],
    ...(saved && { saved }),
    stopTexts: options.stop ?? [],
    chunk: options.chunk,
    keeping,
    generation: {
      maxTokens: options.maxTokens,
      sampling,
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
    stdout.write(resultJson(request.prompt, result, { logProbs: logprobs !== undefined, hasText }));
  } else if (stdout.isTerminal && !result.text.endsWith("\n")) {
    stdout.write("\n");
  }
  stderr.write(summaryLine(result, options.draft));
  return result.finishReason === "aborted" ? 130 : 0;
}
