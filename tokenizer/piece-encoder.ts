/**
 * The tokens of one piece: from memory, from the vocabulary as a whole, or by BPE.
 * @module Next: `decode-stream.ts`
 */
import { Bpe } from "./bpe.ts";
import type { MergeTable } from "./merge-table.ts";
import { PieceCache } from "./piece-cache.ts";
import type { TokenizerSpec } from "./tokenizer-json.ts";
import type { Vocabulary } from "./vocabulary.ts";

const CACHED_PIECES = 32_768; // per generation; about 5 MB when full
const encoder = new TextEncoder();

export class PieceEncoder {
  readonly #bpe: Bpe;
  readonly #cache = new PieceCache(CACHED_PIECES);
  readonly #wholePiece: Vocabulary["idOfBytes"];

  constructor(spec: TokenizerSpec, vocabulary: Vocabulary, merges: MergeTable) {
    this.#bpe = new Bpe(vocabulary.byteIds, merges);
    // ignore_merges matters: 893 tokens of GLM-5.2, as " 王", are the end of no chain of merges.
    this.#wholePiece = spec.ignoreMerges ? vocabulary.idOfBytes : () => undefined;
  }

  /** @param piece well-formed; a match of the pre-tokenizer */
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
