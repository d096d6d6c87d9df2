/**
 * The tokenizer: text to token ids and back. It imports nothing outside this folder and runs in
 * Node, Deno and browsers.
 *
 * Next: tokenizer-json.ts
 * @module glm52.ts/tokenizer
 */
export { DecodeStream } from "./decode-stream.ts";
export {
  createTokenizer,
  type DecodeOptions,
  type Piece,
  type Tokenizer,
  type TokenizerOptions,
} from "./tokenizer.ts";
export { TokenizerError } from "./tokenizer-error.ts";
export type { AddedToken, TokenizerAside } from "./tokenizer-json.ts";
