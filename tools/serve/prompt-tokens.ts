/**
 * The tokens of a prompt, made in slices: a long prompt takes longer than other requests may wait
 * for an answer.
 *
 * Next: chat-reply.ts
 * @module
 */
import type { Prompt } from "../../tokenizer/chat/index.ts";
import { promptStretches } from "../../tokenizer/chat/prompt-ids.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";

/** Characters between two turns of the event loop: some milliseconds of work. */
const SLICE = 32_768;

/** The ids that `promptIds` gives with `controlTokensIn: "protocol"`. */
export async function promptTokens(tokenizer: Tokenizer, prompt: Prompt): Promise<number[]> {
  const ids: number[] = [];
  const slices = new Slices();
  await othersTurn(prompt.text.length); // after it was rendered
  for (const stretch of promptStretches(tokenizer, prompt)) {
    if (typeof stretch === "number") ids.push(stretch);
    else await addPieces(ids, tokenizer.eachPiece(stretch, { isOrdinary: true }), slices);
  }
  return ids;
}

/** The ids of a text, in which control tokens are found by their spelling. */
export async function textTokens(tokenizer: Tokenizer, text: string): Promise<number[]> {
  const ids: number[] = [];
  await addPieces(ids, tokenizer.eachPiece(text), new Slices());
  return ids;
}

async function addPieces(
  ids: number[],
  pieces: ReturnType<Tokenizer["eachPiece"]>,
  slices: Slices,
): Promise<void> {
  for (const { text, ids: more } of pieces) {
    for (const id of more) ids.push(id);
    if (slices.isDue(text.length)) await othersTurn();
  }
}

/** Lets other requests have their turn, after work on so many characters. */
export async function othersTurn(nCharacters: number = SLICE): Promise<void> {
  if (nCharacters >= SLICE) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Counts characters until the event loop gets a turn. */
class Slices {
  #left = SLICE;

  isDue(nCharacters: number): boolean {
    this.#left -= nCharacters;
    if (this.#left > 0) return false;
    this.#left = SLICE;
    return true;
  }
}
