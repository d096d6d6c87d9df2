/**
 * The options that every command has that lets a model speak.
 *
 * Next: open-speaker.ts
 * @module
 */
import { type Command, Option } from "commander";
import type { Activations } from "../../engine/index.ts";
import { BACKENDS, type Backend } from "../library/arithmetic.ts";
import { allCores } from "../node/threads.ts";
import { byteSize, decimal, integer } from "./numbers.ts";

/** The values of these options. */
export interface GenerationOptions {
  readonly model?: string;
  readonly backend: Backend;
  readonly threads: number;
  readonly turbo: boolean;
  readonly activations: Activations;
  readonly check?: boolean;
  readonly verbose?: boolean;
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed: number;
  readonly draft: number;
  readonly chunk: number;
  readonly latentEps?: number;
  readonly kvType: RowType;
  readonly indexType: RowType;
  readonly kvRam?: number;
  readonly kvFile?: string;
}

/** Names that `--kv-type` and `--index-type` take. */
const ROW_TYPES = ["f32", "bf16", "int8"] as const;

type RowType = (typeof ROW_TYPES)[number];

/** Names that `--activations` takes. */
const ACTIVATIONS: readonly Activations[] = ["f32", "int8"];

/** A count of things, perhaps none. */
export const COUNT = integer(0);
/** What `--threads` takes. */
export const THREADS = integer(1, 256);
const NOT_NEGATIVE = decimal("a number of 0 or more", (x) => x >= 0);
const POSITIVE = decimal("a number above 0", (x) => x > 0);
const SHARE = decimal("a number above 0, at most 1", (x) => x > 0 && x <= 1);
const UNIT = decimal("a number 0 … 1", (x) => x >= 0 && x <= 1);

/** Adds them to a command. */
export function addGenerationOptions(command: Command): Command {
  return command
    .option("--model <dir>", "folder of the model (default: the demo model of this package)")
    .option("--max-tokens <n>", "tokens to generate at most", COUNT, 256)
    .option("--temperature <t>", "0 is greedy (default: the model's, else 0)", NOT_NEGATIVE)
    .option("--top-p <p>", "keep the likeliest tokens up to this sum (default: the model's)", SHARE)
    .option("--top-k <k>", "keep the k likeliest tokens, 0 for all (default: the model's)", COUNT)
    .option("--min-p <p>", "drop tokens below p times the likeliest (default: the model's)", UNIT)
    .option("--repetition-penalty <r>", "above 1 for less repetition", POSITIVE)
    .option("--seed <s>", "the same seed gives the same text", integer(0, 2 ** 32 - 1), 0)
    .option("--draft <n>", "guess n tokens ahead with the MTP layer", COUNT, 0)
    .option("--chunk <n>", "prompt tokens per step; changes no result", integer(1), 64)
    .option("--latent-eps <e>", "epsilon of the latent norms (default: rms_norm_eps)", POSITIVE)
    .addOption(rowType("--kv-type <type>", "how latents and rotary keys are kept"))
    .addOption(rowType("--index-type <type>", "how index keys are kept"))
    .option("--kv-ram <size>", "memory for latent rows, e.g. 512MB; needs --kv-file", byteSize)
    .option(
      "--kv-file <path>",
      "scratch file for the other rows; must not exist, never outlasts this",
    )
    .addOption(new Option("--backend <name>", "arithmetic").choices(BACKENDS).default("wasm"))
    .addOption(activationsOption())
    .option("--threads <n>", "threads of the wasm backend; changes no result", THREADS, allCores())
    .option("--no-turbo", "without 256-bit vectors (Node 24 and later); changes no result")
    .option("--check", "compare every op with the f64 reference, and stop at a bad one")
    .option("--verbose", "say on stderr what computes");
}

function rowType(flags: string, what: string): Option {
  return new Option(flags, `${what}; only f32 rounds nothing`).choices(ROW_TYPES).default("f32");
}

/** How products with q8 and q4 weights are made. */
export function activationsOption(): Option {
  const text = "what products with q8 and q4 weights see; int8 is faster, with another result";
  return new Option("--activations <format>", text).choices(ACTIVATIONS).default("f32");
}
