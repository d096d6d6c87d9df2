/**
 * The options that every command has that lets a model speak, and what they open.
 * @module
 */

import { type Command, Option } from "commander";
import type { Activations, Model, SamplingOptions, SessionOptions } from "../../engine/index.ts";
import { readSampling } from "../node/generation-config.ts";
import { ACTIVATIONS, BACKENDS, type Backend, openModel } from "../node/open-model.ts";
import { type OpenTokenizer, openTokenizer } from "../node/open-tokenizer.ts";
import { demoModel } from "../node/our-package.ts";
import { rowFile } from "../node/row-file.ts";
import { allCores, THREADS } from "../node/threads.ts";
import { UserError } from "../node/user-error.ts";
import { byteSize, decimal, integer } from "./numbers.ts";
import { progressLine } from "./progress.ts";
import type { TextOut } from "./terminal.ts";

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

export const COUNT = integer(0);
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

/** How a session keeps its rows. */
export type Keeping = Pick<SessionOptions, "rows" | "tier">;

/**
 * How these options want rows to be kept. Makes the file that they name.
 *
 * @throws {UserError} when one of the two options of a file is there without the other
 */
export async function keepingOf(options: GenerationOptions): Promise<Keeping> {
  const { kvType, indexType, kvRam, kvFile } = options;
  const rows = { latent: kvType, index: indexType };
  if (kvRam === undefined && kvFile === undefined) return { rows };
  if (kvRam === undefined || kvFile === undefined) {
    throw new UserError("--kv-ram and --kv-file", "expected both or none, got one");
  }
  return { rows, tier: { store: await rowFile(kvFile), hotBytes: kvRam } };
}

/** How products with q8 and q4 weights are made. */
export function activationsOption(): Option {
  const text = "what products with q8 and q4 weights see; int8 is faster, with another result";
  return new Option("--activations <format>", text).choices(ACTIVATIONS).default("f32");
}

/** A model that is ready to speak. */
export interface Speaker {
  readonly model: Model;
  /** Undefined for a model without a tokenizer.json. */
  readonly opened: OpenTokenizer | undefined;
  /** The model's own, overruled by the options. */
  readonly sampling: SamplingOptions;
}

/** Opens what the options name, with a progress line. */
export async function openSpeaker(options: GenerationOptions, stderr: TextOut): Promise<Speaker> {
  const folder = options.model ?? (await demoModel());
  const loading = progressLine(stderr, "loading");
  const { model, arithmetic } = await openModel(folder, {
    backend: options.backend,
    threads: options.threads,
    turbo: options.turbo,
    activations: options.activations,
    check: options.check ?? false,
    latentEps: options.latentEps,
    onProgress: loading.update,
  }).finally(loading.end);
  if (options.verbose) stderr.write(`arithmetic: ${arithmetic}\n`);
  const opened = await openTokenizer(folder, model.config);
  const sampling = {
    ...(await readSampling(folder)),
    ...chosen(options),
    ...(opened && { vocabLimit: opened.tokenizer.vocabSize }),
  };
  return { model, opened, sampling };
}

/** The sampling options on the command line, without those that are not there. */
function chosen(options: GenerationOptions): SamplingOptions {
  const { temperature, topP, topK, minP, repetitionPenalty } = options;
  const given = { temperature, topP, topK, minP, repetitionPenalty };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
