import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelConfig } from "../../engine/index.ts";
import { createTokenizer, type Tokenizer } from "../../tokenizer/index.ts";

/** The token that stands before each text in the training of base models of this family. */
const TEXT_START = "<|endoftext|>";

/** A tokenizer and how a text begins for its model. */
export interface OpenTokenizer {
  readonly tokenizer: Tokenizer;
  /**
   * Ids before a plain text: what the file's post-processor says, else `<|endoftext|>` if the
   * model has no chat template, else nothing.
   */
  readonly textStart: readonly number[];
}

/**
 * The tokenizer in a model folder, or undefined when there is none.
 *
 * @throws {TokenizerError} when it cannot be taken exactly, or does not fit the model
 */
export async function openTokenizer(
  folder: string,
  config: ModelConfig,
): Promise<OpenTokenizer | undefined> {
  const file = join(folder, "tokenizer.json");
  if (!(await exists(file))) return undefined;
  const tokenizer = createTokenizer(await readFile(file, "utf8"), {
    paddedVocabSize: config.vocabSize,
    eosIds: config.eosTokenIds,
  });
  if (tokenizer.prefixIds.length > 0) return { tokenizer, textStart: tokenizer.prefixIds };
  const start = tokenizer.addedTokens.find(({ content }) => content === TEXT_START);
  const isChat = await exists(join(folder, "chat_template.jinja"));
  return { tokenizer, textStart: start && !isChat ? [start.id] : [] };
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}
