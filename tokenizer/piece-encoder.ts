/**
 * Finds the tokens of one piece: in the cache, as one token of the vocabulary, or by BPE.
 *
 * Next: decode-stream.ts
 * @module
 */
import { Bpe } from "./bpe.ts";
import type { MergeTable } from "./merge-table.ts";
import { PieceCache } from "./piece-cache.ts";
import type { TokenizerSpec } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Pieces in each of the two generations of the cache, which takes about 5 MB when it is full. */
const CACHED_PIECES = 32_768;
const encoder = new TextEncoder();

/** Turns pieces into tokens. */
export class PieceEncoder {
  readonly #bpe: Bpe;
  readonly #cache = new PieceCache(CACHED_PIECES);
  readonly #wholePiece: Vocabulary["idOfBytes"];

  constructor(spec: TokenizerSpec, vocabulary: Vocabulary, merges: MergeTable) {
    this.#bpe = new Bpe(vocabulary.byteIds, merges);
    // This matters: no chain of merges leads to 893 tokens of GLM-5.2, for example " 王".
    this.#wholePiece = spec.ignoreMerges ? vocabulary.idOfBytes : () => undefined;
  }

  /**
   * Returns the ids of a piece. They belong to the cache: the caller must not change them.
   *
   * @param piece what `preTokenize` returned, without lone surrogates
   */
  encode(piece: string): readonly number[] {
    const known = this.#cache.get(piece);
    if (known !== undefined) return known;
    const bytes = encoder.encode(piece);
    const whole = this.#wholePiece(bytes);
    const ids = whole === undefined ? this.#bpe.encode(bytes) : [whole];
    this.#cache.set(piece, ids);
    return ids;
  }
}
