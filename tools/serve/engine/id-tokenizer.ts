/**
 * The tokenizer of a model without one: its texts are the numbers of its tokens, and prompts are given as
 * ids. The golden kit's models are served so.
 * @module
 */
import { ArgumentError } from "../../../engine/index.ts";
import { DecodeStream, type Piece, type Tokenizer } from "../../../tokenizer/index.ts";

/** Shows ids, and reads no text; see the top of this file. */
export class IdTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly paddedVocabSize: number;
  readonly eosIds: readonly number[];
  readonly addedTokens = [];
  readonly prefixIds = [];
  readonly suffixIds = [];
  readonly asides = [];

  constructor(vocabSize: number, eosIds: readonly number[]) {
    this.vocabSize = vocabSize;
    this.paddedVocabSize = vocabSize;
    this.eosIds = eosIds;
  }

  /** Refuses any text. @throws {ArgumentError} */
  encode(): Int32Array {
    throw new ArgumentError(
      "prompt",
      "expected a list of ids: this model has no tokenizer.json, so it reads no text",
    );
  }

  /** Refuses any text. @throws {ArgumentError} */
  encodeOrdinary(): Int32Array {
    return this.encode();
  }

  /** Refuses any text. @throws {ArgumentError} */
  pieces(): Piece[] {
    this.encode();
    return [];
  }

  /** Refuses any text. @throws {ArgumentError} */
  eachPiece(): Iterable<Piece> {
    return this.pieces();
  }

  /** ` 7 12` */
  decode(ids: Iterable<number>): string {
    return [...ids].map((id) => ` ${id}`).join("");
  }

  /** The same, one by one. */
  decodeStream(): DecodeStream {
    return new DecodeStream((id) => this.tokenBytes(id));
  }

  /** The bytes of ` 7`. */
  tokenBytes(id: number): Uint8Array {
    return new TextEncoder().encode(this.decode([id]));
  }

  /** No token has a text of its own. */
  idOf(): undefined {
    return undefined;
  }
}
