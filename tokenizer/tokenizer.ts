/**
 * Text ⇄ token ids, exactly as the tokenizer.json says.
 *
 * ```
 * text ─ added tokens ─┬─ <|user|> ──────────────────────────────────────────► id
 *                      └─ between ─ normalize ─ pre-tokenize ─ bytes ─ BPE ──► ids
 * ```
 *
 * @see HF tokenizers `tokenizer/mod.rs`
 * @module
 */
import { concatBytes } from "./byte-level.ts";
import { DecodeStream } from "./decode-stream.ts";
import { createMergeTable, createRankMergeTable } from "./merge-table.ts";
import { type Normalizer, normalize, wellFormed } from "./normalize.ts";
import { PieceEncoder } from "./piece-encoder.ts";
import { preTokenize } from "./pre-tokenize.ts";
import { SpecialTokens } from "./special-tokens.ts";
import { show, TokenizerError } from "./tokenizer-error.ts";
import { type AddedToken, parseTokenizerJson, type TokenizerSpec } from "./tokenizer-json.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** What a tokenizer.json does not say. */
export interface TokenizerOptions {
  /** Rows of the embedding matrix, when the model pads it: the rows past the vocabulary are "". */
  readonly paddedVocabSize?: number;
  /** Ids that end a generation, from generation_config.json. */
  readonly eosIds?: readonly number[];
  /**
   * Where merges come from: the list in the file (default), or the ids of the vocabulary, taken as
   * ranks. GLM-5.2 gives the same ids either way.
   */
  readonly mergesFrom?: "list" | "ranks";
}

export interface DecodeOptions {
  /** Leave out the tokens marked special in the file (in GLM-5.2 not the think and tool tags). */
  readonly skipSpecial?: boolean;
}

/** A stretch of text and its tokens. BPE never merges across two pieces. */
export interface Piece {
  readonly text: string;
  /** Place in the normalized text, in UTF-16 code units; without a normalizer, in the text. */
  readonly start: number;
  readonly end: number;
  readonly ids: readonly number[];
  /** Is it an added token, matched verbatim? */
  readonly isControl: boolean;
}

/** Made by {@link createTokenizer}. Holds no text: calls do not influence each other. */
export interface Tokenizer {
  /** The tokens are `0..vocabSize-1`; `encode` makes no other id. */
  readonly vocabSize: number;
  /** Not less than `vocabSize`; the ids between are padding, with no text. */
  readonly paddedVocabSize: number;
  readonly eosIds: readonly number[];
  readonly addedTokens: readonly AddedToken[];
  /** What the file's post-processor would put around a text. Not added by `encode`. */
  readonly prefixIds: readonly number[];
  readonly suffixIds: readonly number[];

  /** The ids of `text`, control tokens spelled in it included. A lone surrogate is U+FFFD. */
  encode(text: string): Int32Array;
  /** The ids of `text` as plain text: `<|user|>` is eight characters. For untrusted input. */
  encodeOrdinary(text: string): Int32Array;
  /** `encode`, piece by piece; with `isOrdinary`, `encodeOrdinary`. */
  pieces(text: string, options?: { readonly isOrdinary?: boolean }): Piece[];

  /** @throws {TokenizerError} when an id is neither a token nor padding */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  decodeStream(options?: DecodeOptions): DecodeStream;
  /** The bytes that token `id` stands for, none for padding. */
  tokenBytes(id: number): Uint8Array;
  /** The id of an added token by its content, or of an ordinary token by its exact text. */
  idOf(content: string): number | undefined;
}

/**
 * Builds a tokenizer from a tokenizer.json, as text or already parsed.
 *
 * @throws {TokenizerError} when the file asks for something that is not built here
 */
export function createTokenizer(
  source: string | object,
  options: TokenizerOptions = {},
): Tokenizer {
  return new BpeTokenizer(parseTokenizerJson(source), options);
}

// A byte order mark inside a text is a character like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

class BpeTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly paddedVocabSize: number;
  readonly eosIds: readonly number[];
  readonly addedTokens: readonly AddedToken[];
  readonly prefixIds: readonly number[];
  readonly suffixIds: readonly number[];
  readonly #vocabulary: Vocabulary;
  readonly #pieceEncoder: PieceEncoder;
  readonly #splits: readonly RegExp[];
  readonly #normalizer: Normalizer;
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #specialIds: ReadonlySet<number>;
  readonly #specialTokens: SpecialTokens;

  constructor(spec: TokenizerSpec, options: TokenizerOptions) {
    const { size, addedTokens } = spec;
    const { paddedVocabSize = size, eosIds = [] } = options;
    if (!Number.isInteger(paddedVocabSize) || paddedVocabSize < size) {
      throw new TokenizerError("paddedVocabSize", `at least ${size}`, show(paddedVocabSize));
    }
    for (const [i, id] of eosIds.entries()) checkId(id, size, `eosIds[${i}]`);
    this.vocabSize = size;
    this.paddedVocabSize = paddedVocabSize;
    this.eosIds = eosIds;
    this.addedTokens = addedTokens;
    this.prefixIds = spec.prefixIds;
    this.suffixIds = spec.suffixIds;

    this.#vocabulary = createVocabulary(spec);
    const merges =
      options.mergesFrom === "ranks" ? createRankMergeTable(spec) : createMergeTable(spec);
    this.#pieceEncoder = new PieceEncoder(spec, this.#vocabulary, merges);
    this.#splits = spec.splits;
    this.#normalizer = spec.normalizer;
    this.#addedIds = new Map(addedTokens.map(({ content, id }) => [content, id]));
    this.#specialIds = new Set(addedTokens.filter((t) => t.special).map(({ id }) => id));
    this.#specialTokens = new SpecialTokens(addedTokens, spec.normalizer);
  }

  encode(text: string): Int32Array {
    const ids: number[] = [];
    for (const { text: stretch, id } of this.#specialTokens.split(wellFormed(text))) {
      if (id !== undefined) ids.push(id);
      else this.#encodeStretch(stretch, ids);
    }
    return Int32Array.from(ids);
  }

  encodeOrdinary(text: string): Int32Array {
    const ids: number[] = [];
    this.#encodeStretch(normalize(wellFormed(text), this.#normalizer), ids);
    return Int32Array.from(ids);
  }

  pieces(text: string, { isOrdinary = false } = {}): Piece[] {
    const pieces: Piece[] = [];
    let start = 0;
    const add = (piece: string, ids: readonly number[], isControl: boolean) => {
      pieces.push({ text: piece, start, end: start + piece.length, ids, isControl });
      start += piece.length;
    };
    const whole = wellFormed(text);
    const stretches = isOrdinary
      ? [{ text: normalize(whole, this.#normalizer), id: undefined }]
      : this.#specialTokens.split(whole);
    for (const { text: stretch, id } of stretches) {
      if (id !== undefined) {
        add(stretch, [id], true);
        continue;
      }
      for (const piece of preTokenize(stretch, this.#splits)) {
        add(piece, this.#pieceEncoder.encode(piece).slice(), false); // the original is cached
      }
    }
    return pieces;
  }

  decode(ids: Iterable<number>, options?: DecodeOptions): string {
    const shown = Array.from(ids, (id) => this.#shownBytes(id, options));
    return decoder.decode(concatBytes(shown));
  }

  decodeStream(options?: DecodeOptions): DecodeStream {
    return new DecodeStream((id) => this.#shownBytes(id, options));
  }

  tokenBytes(id: number): Uint8Array {
    return this.#bytesOf(id).slice();
  }

  idOf(content: string): number | undefined {
    return this.#addedIds.get(content) ?? this.#vocabulary.idOfBytes(encoder.encode(content));
  }

  #bytesOf(id: number): Uint8Array {
    checkId(id, this.paddedVocabSize, "id");
    return id < this.vocabSize ? this.#vocabulary.bytesOf(id) : NO_BYTES;
  }

  #shownBytes(id: number, options: DecodeOptions | undefined): Uint8Array {
    const bytes = this.#bytesOf(id);
    return options?.skipSpecial === true && this.#specialIds.has(id) ? NO_BYTES : bytes;
  }

  #encodeStretch(stretch: string, ids: number[]): void {
    for (const piece of preTokenize(stretch, this.#splits)) {
      for (const id of this.#pieceEncoder.encode(piece)) ids.push(id);
    }
  }
}

function checkId(id: number, limit: number, path: string): void {
  if (!Number.isInteger(id) || id < 0 || id >= limit) {
    throw new TokenizerError(path, `an id in 0..${limit - 1}`, show(id));
  }
}
