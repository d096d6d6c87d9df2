/**
 * A tokenizer for the models of the pack, which have none, because llama.cpp's tools and many servers
 * want one. Token `b` is the byte `b`, and tokens from 256 on are spelled `<256>`, `<257>`, and so on.
 * So every prompt can be written as a text.
 * @module
 */
import { CHAR_OF_BYTE } from "../../../tokenizer/byte-level.ts";
import type { TokenizerFile } from "../../convert/gguf/metadata.ts";

/** The tokenizer of a vocabulary of `n` tokens, 256 or more. */
export function byteVocabulary(n: number): TokenizerFile {
  const added = Array.from({ length: n - CHAR_OF_BYTE.length }, (_, i) => {
    const id = CHAR_OF_BYTE.length + i;
    return { id, content: `<${id}>`, special: false };
  });
  const vocab = Object.fromEntries(CHAR_OF_BYTE.map((char, byte) => [char, byte]));
  return { model: { vocab, merges: [] }, added_tokens: added };
}
