/**
 * `glm52 run`: text after a prompt.
 * @module
 */
import { type Command, Option } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import { addFormOptions } from "../form-option.ts";
import { addGenerationOptions, COUNT } from "../generation-options.ts";
import { integerList } from "../numbers.ts";
import { routeTraceOption } from "../route-trace-option.ts";
import { type RunOptions, runText } from "../run-text.ts";
import { asSaved, sessionOption, sessionsOption } from "../session-option.ts";
import { SHOWN } from "../show.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
Some tokens are put before a text: those that the post-processor of tokenizer.json names, or else
<|endoftext|>, if the tokenizer has this token and the model has no chat_template.jinja. --bos
replaces them. Nothing is put before the ids of --tokens. One newline at the end of a prompt from
stdin is removed. A model without a tokenizer.json reads and prints token ids.

The speed is printed on stderr. With --json, the output is one object:
  {prompt_ids, ids, text, finish_reason: "stop" | "length" | "context" | "aborted",
   logprobs?: [{id, logprob, top: [{id, logprob}]}], timing,
   cold_rows?: {hits, misses, ahead, in_time, late, bytes_read, bytes_written}}
With --kv-file, cold_rows counts the latent rows that were in memory when they were needed (hits) or
were not (misses), and the rows that were read ahead, in time or too late.

Examples:
  glm52 run "Once upon a time"
  glm52 run "Once upon a time" --temperature 0 --draft 3
  echo "One day" | glm52 run --seed 7 --max-tokens 100 --stop "."
  glm52 run "Once upon a time" --show choices
  glm52 run "Once upon a time" --route-trace routes.safetensors
  glm52 run --session tale "Once upon a time"; glm52 run --session tale " Then"
  glm52 run < long.txt --kv-type int8 --kv-ram 512MB --kv-file /scratch/rows
  glm52 run "A cat: " --json-schema '{"type": "object", "properties": {"name": {"type": "string"}}}'
  glm52 run "Her age was " --regex "[1-9][0-9]?"
  glm52 run --model ~/models/tiny --tokens 57,15,52 --max-tokens 8 --json --logprobs 5
`;

/** Adds `glm52 run`. */
export function addRun(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const stops = (text: string, before: readonly string[] = []) => [...before, text];
  const command = program
    .command("run")
    .summary("generate text")
    .description("Generates text after a prompt, and streams it to stdout.")
    .argument("[prompt]", "the text to continue (default: stdin, or nothing on a terminal)");
  addFormOptions(addGenerationOptions(command))
    .option(
      "--stop <text>",
      "end the generation before this text; may be given several times",
      stops,
    )
    .option("--tokens <ids>", "give the prompt as token ids, e.g. 1,2,3", integerList)
    .option("--bos <text>", 'put this before the prompt; "none" puts nothing there')
    .option("--echo", "print the prompt before the generated text")
    .option(
      "--logprobs <n>",
      "print log-probabilities of the tokens and of the n likeliest ones; needs --json",
      COUNT,
    )
    .addOption(new Option("--json", "print one JSON object at the end").conflicts("echo"))
    .addOption(
      new Option(
        "--show <what>",
        "print a line for each token: how sure the model was (probs), which tokens before it the last " +
          "indexer chose (choices), or which experts ran in each layer (experts)",
      )
        .choices(SHOWN)
        .conflicts(["json", "draft"]),
    )
    .addOption(routeTraceOption())
    .addOption(sessionOption())
    .addOption(sessionsOption())
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (text: string | undefined, options: RunOptions) => {
      if (text !== undefined && options.tokens) {
        command.error("error: give the prompt as a text or with --tokens, not both");
      }
      if (options.logprobs !== undefined && !options.json) {
        command.error("error: --logprobs needs --json");
      }
      if (options.stop?.includes("")) command.error("error: --stop: expected a text, got nothing");
      exit(await runText(text, await asSaved(options, command), terminal));
    });
}
