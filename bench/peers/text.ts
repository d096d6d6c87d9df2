/**
 * The text that all engines run: words without a meaning, each of them one token.
 *
 * So an engine that takes no tokens can be given the same ones as text.
 * @module
 */

import { readTokenizer } from "../../tools/library/tokenizer-files.ts";
import { withFiles } from "../../tools/node/open.ts";
import { openConfig } from "../../tools/node/open-config.ts";
import { EntrantError } from "./entrants.ts";
import type { Job } from "./protocol.ts";

/** The first `n` tokens, from the words of the tokenizer in our folder of a model. */
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
