/**
 * The options that all commands share that generate text: `run`, `chat` and `session save`.
 *
 * Next: open-speaker.ts
 * @module
 */
import { type Command, Option } from "commander";
import type { Activations } from "../../engine/index.ts";
import { BACKENDS, type Backend } from "../library/arithmetic.ts";
import type { TemplateChoice } from "../library/chat-template.ts";
import { allCores } from "../node/threads.ts";
import { byteSize, decimal, integer, POSITIVE } from "./numbers.ts";
import { addStreamOptions, type StreamChoice } from "./stream-option.ts";

/** The values of these options; addGenerationOptions says what each one is for. */
export interface GenerationOptions extends StreamChoice {
  readonly model?: string;
  readonly backend: Backend;
  readonly threads: number;
  readonly turbo: boolean;
  readonly activations?: Activations;
  readonly check?: boolean;
  readonly verbose?: boolean;
  readonly chatTemplate?: TemplateChoice;
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly draft: number;
  readonly chunk?: number;
  readonly latentEps?: number;
  readonly ignoreConfigKey?: readonly string[];
  readonly kvType: RowType;
  readonly indexType: RowType;
  readonly kvRam?: number;
  readonly kvFile?: string;
}

/** Names that `--kv-type` and `--index-type` take. */
const ROW_TYPES = ["f32", "bf16", "int8"] as const;

/** The number format of cached rows. */
export type RowType = (typeof ROW_TYPES)[number];

/** Names that `--activations` takes. */
const ACTIVATIONS: readonly Activations[] = ["f32", "int8"];

/** Parses a count of things, which may be 0. */
export const COUNT = integer(0);
/** Parses the value of `--threads`. */
export const THREADS = integer(1, 256);
const NOT_NEGATIVE = decimal("a number of 0 or more", (x) => x >= 0);
const SHARE = decimal("a number above 0, at most 1", (x) => x > 0 && x <= 1);
/** Parses a share. */
export const UNIT = decimal("a number 0 … 1", (x) => x >= 0 && x <= 1);

const SEED = integer(0, 2 ** 32 - 1);

/** What parses the options that say how tokens are chosen. `/set` of a chat takes them, too. */
export const CHOICE_PARSERS = {
  "max-tokens": COUNT,
  temperature: NOT_NEGATIVE,
  "top-p": SHARE,
  "top-k": COUNT,
  "min-p": UNIT,
  "repetition-penalty": POSITIVE,
  seed: SEED,
} as const satisfies Readonly<Record<string, (text: string) => number>>;

const CHOICE_GROUP = "How tokens are chosen:";

/** Adds these options to a command, in groups. What the command adds after them stands under `Options:`. */
export function addGenerationOptions(command: Command): Command {
  addModelOptions(command);
  addChoiceOptions(command);
  return addPaceOptions(addSeedOption(command));
}

/** Adds the options that say which model, and how its files are read. */
export function addModelOptions(command: Command): Command {
  return command
    .optionsGroup("Which model:")
    .option("--model <dir>", "folder of the model (default: the demo model of this package)")
    .addOption(ignoreConfigKeyOption())
    .option(
      "--latent-eps <e>",
      "epsilon in the norms of the two latents (default: rms_norm_eps of the config)",
      POSITIVE,
    );
}

/** Adds the options that say how tokens are chosen. */
export function addChoiceOptions(command: Command): Command {
  return command
    .optionsGroup(CHOICE_GROUP)
    .option("--max-tokens <n>", "generate at most this many tokens", COUNT, 256)
    .option(
      "--temperature <t>",
      "how freely to choose; 0 always takes the likeliest token (default: the model's, else 0)",
      NOT_NEGATIVE,
    )
    .option(
      "--top-p <p>",
      "choose among the likeliest tokens that have the probability p together (default: the model's)",
      SHARE,
    )
    .option(
      "--top-k <k>",
      "choose among the k likeliest tokens; 0 means all (default: the model's)",
      COUNT,
    )
    .option(
      "--min-p <p>",
      "drop tokens whose probability is below p times that of the likeliest (default: the model's)",
      UNIT,
    )
    .option(
      "--repetition-penalty <r>",
      "above 1, tokens that were there before become less likely (default: the model's)",
      POSITIVE,
    );
}

/** `--seed`, in the group of {@link addChoiceOptions}. */
export function addSeedOption(command: Command): Command {
  return command
    .optionsGroup(CHOICE_GROUP)
    .option(
      "--seed <s>",
      "start of the random numbers; the same seed gives the same text (default: 0, on a terminal the date)",
      SEED,
    );
}

const PACE_GROUP = "Memory and speed:";

/** Adds the options that say what is kept where, and what computes. Of these, only --kv-type, --index-type and --activations change results. */
export function addPaceOptions(command: Command): Command {
  addStreamOptions(command.optionsGroup(PACE_GROUP)).option(
    "--chunk <n>",
    "read the prompt in steps of n tokens; changes no result (default: as many as take a second, 64 to 512)",
    integer(1),
  );
  addRowOptions(command)
    .option(
      "--kv-ram <size>",
      "keep at most this much of the latent rows in memory, e.g. 512MB; needs --kv-file",
      byteSize,
    )
    .option(
      "--kv-file <path>",
      "scratch file for the other latent rows; must not exist yet; nothing is left of it",
    );
  return addArithmeticOptions(command).optionsGroup("Options:");
}

/** Adds the options for guesses, and for the number formats of cached rows. */
export function addRowOptions(command: Command): Command {
  return command
    .optionsGroup(PACE_GROUP)
    .option(
      "--draft <n>",
      "let the MTP layer guess n tokens ahead, which the model then checks in one step",
      COUNT,
      0,
    )
    .addOption(rowType("--kv-type <type>", "number format of cached latents and rotary keys"))
    .addOption(rowType("--index-type <type>", "number format of cached index keys"));
}

/** Adds the options that say what computes. */
export function addArithmeticOptions(command: Command): Command {
  return command
    .optionsGroup(PACE_GROUP)
    .addOption(
      new Option("--backend <name>", "what computes: the fast wasm kernels, or the plain reference")
        .choices(BACKENDS)
        .default("wasm"),
    )
    .addOption(activationsOption())
    .option(
      "--threads <n>",
      "number of threads of the wasm backend; changes no result",
      THREADS,
      allCores(),
    )
    .option("--no-turbo", "do not use 256-bit vectors (Node 24 and later); changes no result")
    .option(
      "--check",
      "compare each operation with the f64 reference, and stop at the first that differs too much",
    )
    .option(
      "--verbose",
      "print on stderr what computes, and what in the model's files was left aside",
    );
}

function rowType(flags: string, what: string): Option {
  return new Option(flags, `${what}; only f32 is exact`).choices(ROW_TYPES).default("f32");
}

/** `--ignore-config-key`: the user's own word that an unknown key changes nothing. */
export function ignoreConfigKeyOption(): Option {
  const text =
    "pass over this unknown key of config.json or generation_config.json; may be repeated";
  return new Option("--ignore-config-key <name>", text).argParser(
    (name: string, before: readonly string[] = []) => [...before, name],
  );
}

/** `--activations`: the number format of the inputs of products with q8 and q4 weights. */
export function activationsOption(): Option {
  const text =
    "what q8 and q4 weights are multiplied with; int8 is faster, f32 rounds nothing (default: what the folder says, int8)";
  return new Option("--activations <format>", text).choices(ACTIVATIONS);
}
