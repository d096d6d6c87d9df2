/**
 * Makes the text that all engines run: random words, each of which is one token. So an engine that
 * takes only text can run the same tokens as the others.
 * @module
 */

import { readTokenizer } from "../../tools/library/tokenizer-files.ts";
import { withFiles } from "../../tools/node/file-source.ts";
import { openConfig } from "../../tools/node/open-config.ts";
import { EntrantError } from "./entrants.ts";
import type { Job } from "./protocol.ts";

/** The first `n` tokens of the text, from the vocabulary of a model for this engine. */
export async function commonText(
  folder: string,
  n: number,
): Promise<Pick<Job, "tokens" | "words" | "fragments">> {
  const { config } = await openConfig(folder);
  const opened = await withFiles(folder, (files) => readTokenizer(files, config));
  if (opened === undefined) throw new EntrantError(`${folder}: expected a tokenizer.json in it`);
  const { tokenizer } = opened;
  const known: [token: number, word: string][] = [];
  const fragments: number[] = [];
  for (let id = 0; id < config.vocabSize; id++) {
    const word = tokenizer.decode([id]);
    if (word.includes("\ufffd")) fragments.push(id);
    if (!/^ [a-z]+$/.test(word)) continue;
    const ids = tokenizer.encodeOrdinary(word);
    if (ids.length === 1 && ids[0] === id) known.push([id, word]);
  }
  const text = Array.from({ length: n }, (_, i) => known[(i * i * 31 + i * 7) % known.length]);
  return {
    tokens: text.map(([token]) => token),
    words: text.map(([, word]) => word),
    fragments,
  };
}
