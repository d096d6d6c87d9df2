/**
 * The files beside the weights: how text becomes tokens, and how the makers want them sampled.
 *
 * Next: open-files.ts
 * @module
 */
import {
  ArgumentError,
  type CheckpointFiles,
  checkSampling,
  type ModelConfig,
  SamplingError,
  type SamplingOptions,
} from "../../engine/index.ts";
import { parseJson } from "../../engine/weights/json.ts";
import { createTokenizer, type Tokenizer } from "../../tokenizer/index.ts";

/** The token that stands before each text in the training of base models of this family. */
const TEXT_START = "<|endoftext|>";

/** A tokenizer and how a text begins for its model. */
export interface OpenTokenizer {
  /** Text ⇄ ids. */
  readonly tokenizer: Tokenizer;
  /**
   * Ids before a plain text: what the file's post-processor says, else `<|endoftext|>` if the
   * model has no chat template, else nothing.
   */
  readonly textStart: readonly number[];
}

/**
 * The tokenizer among some files, or undefined when there is none.
 *
 * @throws {TokenizerError} when it cannot be taken exactly, or does not fit the model
 */
export async function readTokenizer(
  files: CheckpointFiles,
  config: ModelConfig,
): Promise<OpenTokenizer | undefined> {
  const bytes = await readFile(files, "tokenizer.json");
  if (!bytes) return undefined;
  const tokenizer = createTokenizer(new TextDecoder().decode(bytes), {
    paddedVocabSize: config.vocabSize,
    eosIds: config.eosTokenIds,
  });
  if (tokenizer.prefixIds.length > 0) return { tokenizer, textStart: tokenizer.prefixIds };
  const start = tokenizer.addedTokens.find(({ content }) => content === TEXT_START);
  const isChat = (await files.list()).includes("chat_template.jinja");
  return { tokenizer, textStart: start && !isChat ? [start.id] : [] };
}

const GENERATION_CONFIG = "generation_config.json";

/** Key in the file → our option. Other keys are not about choosing a token. */
const KEYS = {
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  repetition_penalty: "repetitionPenalty",
} as const satisfies Record<string, keyof SamplingOptions>;

/**
 * The sampling options among some files; none when there is no `generation_config.json`.
 *
 * `do_sample: false` is greedy decoding, whatever else stands there. With `do_sample: true`, a
 * missing temperature is 1.
 *
 * @throws {ArgumentError} when a value has the wrong type or range
 */
export async function readSampling(files: CheckpointFiles): Promise<SamplingOptions> {
  const bytes = await readFile(files, GENERATION_CONFIG);
  if (bytes === undefined) return {};
  const json = parseJson(GENERATION_CONFIG, bytes, "any");
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ArgumentError(GENERATION_CONFIG, "expected an object");
  }
  const values = json as { readonly do_sample?: unknown; readonly [key: string]: unknown };
  const sampling: { -readonly [K in keyof SamplingOptions]: SamplingOptions[K] } = {};
  if (values.do_sample === true) sampling.temperature = 1;
  for (const [key, option] of Object.entries(KEYS)) {
    const value = values[key];
    if (value === undefined || value === null) continue;
    if (typeof value !== "number") {
      const got = JSON.stringify(value);
      throw new ArgumentError(`${GENERATION_CONFIG}: ${key}`, `expected a number, got ${got}`);
    }
    sampling[option] = value;
  }
  try {
    checkSampling(sampling);
  } catch (error) {
    throw error instanceof SamplingError
      ? new ArgumentError(GENERATION_CONFIG, error.message)
      : error;
  }
  return values.do_sample === false ? { temperature: 0 } : sampling;
}

/** All of one file, or undefined when there is none of this name. */
export async function readFile(
  files: CheckpointFiles,
  name: string,
): Promise<Uint8Array | undefined> {
  if (!(await files.list()).includes(name)) return undefined;
  const source = await files.open(name);
  return source.read(0, source.size);
}
