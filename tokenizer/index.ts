/**
 * Strings ⇄ token ids. Imports nothing outside this folder; runs in Node, Deno and browsers.
 * @module Next: `tokenizer-json.ts`
 */
export type { DecodeStream } from "./decode-stream.ts";
export {
  createTokenizer,
  type DecodeOptions,
  type Piece,
  type Tokenizer,
  type TokenizerOptions,
} from "./tokenizer.ts";
export { TokenizerError } from "./tokenizer-error.ts";
export type { AddedToken } from "./tokenizer-json.ts";
