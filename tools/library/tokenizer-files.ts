/**
 * The files beside the weights that say how text becomes tokens.
 *
 * Next: open-files.ts
 * @module
 */
import { ArgumentError, type CheckpointFiles, type ModelConfig } from "../../engine/index.ts";
import { createTokenizer, type Tokenizer } from "../../tokenizer/index.ts";
import { readSmall } from "./small-files.ts";

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
  const text = await readText(files, "tokenizer.json");
  if (text === undefined) return undefined;
  const tokenizer = createTokenizer(text, {
    paddedVocabSize: config.vocabSize,
    eosIds: config.eosTokenIds,
  });
  if (tokenizer.prefixIds.length > 0) return { tokenizer, textStart: tokenizer.prefixIds };
  const start = tokenizer.addedTokens.find(({ content }) => content === TEXT_START);
  const isChat = (await files.list()).includes("chat_template.jinja");
  return { tokenizer, textStart: start && !isChat ? [start.id] : [] };
}

/**
 * A file of text, or undefined when there is none of this name.
 *
 * @throws {ArgumentError} when its bytes are no UTF-8, which would become other characters
 */
export async function readText(
  files: CheckpointFiles,
  name: "tokenizer.json" | "chat_template.jinja",
): Promise<string | undefined> {
  const bytes = await readSmall(files, name);
  if (!bytes) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ArgumentError(name, "expected UTF-8, got other bytes");
  }
}
