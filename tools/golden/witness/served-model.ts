/**
 * Writes the model of a case with a tokenizer, as servers want it.
 *
 * The tokenizer is that of byte-vocabulary.ts. Servers get ids from us, so they do not need it for the
 * prompt. But many do not start without one, and some name tokens by its texts alone.
 * @module
 */

import { cp, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../node/user-error.ts";
import { writeText } from "../../node/write-whole.ts";
import { byteVocabulary } from "../case/byte-vocabulary.ts";

/**
 * Copies the model of the case in `dir` to `out`, and writes a tokenizer beside it.
 *
 * @throws {UserError} when `out` holds something already
 */
export async function writeServedModel(dir: string, out: string, nVocab: number): Promise<void> {
  if ((await readdir(out).catch(() => [])).length > 0) {
    throw new UserError(out, "expected a new or empty folder");
  }
  await mkdir(out, { recursive: true });
  await cp(join(dir, "model"), out, { recursive: true });
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
  };
  await writeJson(join(out, "tokenizer_config.json"), config);
  await writeJson(join(out, "tokenizer.json"), tokenizerJson(nVocab));
}

/** The file of the library `tokenizers`: byte-level BPE without a single merge. */
function tokenizerJson(nVocab: number): object {
  const { model, added_tokens: added } = byteVocabulary(nVocab);
  const vocab = Object.fromEntries(Object.entries(model.vocab).filter(([, id]) => id < nVocab));
  const byteLevel = {
    ...{ type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
  };
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map((token) => ({ ...token, ...plain })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: "BPE", ...model, vocab },
  };
}

const writeJson = (file: string, json: object): Promise<void> =>
  writeText(file, `${JSON.stringify(json, null, 2)}\n`);
