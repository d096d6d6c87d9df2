/**
 * Turns text into token ids and ids into text, exactly as a tokenizer.json says.
 *
 * ```
 * text ─ added tokens ─┬─ <|user|> ──────────────────────────────────────────► id
 *                      └─ between ─ normalize ─ pre-tokenize ─ bytes ─ BPE ──► ids
 * ```
 *
 * @see HF tokenizers `tokenizer/mod.rs`
 * @module
 */

import { AddedTokens } from "./added-tokens.ts";
import { concatBytes } from "./byte-level.ts";
import { DecodeStream } from "./decode-stream.ts";
import { createMergeTable, createRankMergeTable } from "./merge-table.ts";
import { type Normalizer, normalize, wellFormed } from "./normalize.ts";
import { PieceEncoder } from "./piece-encoder.ts";
import { preTokenize, type Splitter } from "./pre-tokenize.ts";
import { show, TokenizerError } from "./tokenizer-error.ts";
import {
  type AddedToken,
  parseTokenizerJson,
  type TokenizerAside,
  type TokenizerSpec,
} from "./tokenizer-json.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Settings that a tokenizer.json does not hold. */
export interface TokenizerOptions {
  /** Rows of the embedding matrix. Models may have more rows than tokens; these decode to "". */
  readonly paddedVocabSize?: number;
  /** The ids that end a reply, as generation_config.json lists them. */
  readonly eosIds?: readonly number[];
  /**
   * Where the merges come from: from the list in the file (the default), or from the ids of the
   * vocabulary, which are then ranks. For GLM-5.2, both give the same ids.
   */
  readonly mergesFrom?: "list" | "ranks";
}

/** How ids become text. */
export interface DecodeOptions {
  /**
   * Whether to leave out the tokens that the file marks as special. In GLM-5.2, the tags for
   * thinking and for tools are not marked so.
   */
  readonly skipSpecial?: boolean;
}

/** A piece of a text and its tokens. BPE never merges across two pieces. */
export interface Piece {
  /** The characters of the piece. */
  readonly text: string;
  /** Where it begins in the normalized text, in UTF-16 code units. GLM normalizes nothing. */
  readonly start: number;
  /** Where it ends, likewise. */
  readonly end: number;
  /** The ids of its tokens. */
  readonly ids: readonly number[];
  /** Whether it is an added token that is spelled in the text. */
  readonly isControl: boolean;
}

/**
 * A tokenizer, as {@link createTokenizer} makes it. It keeps nothing of a text that could change
 * what a later call returns.
 */
export interface Tokenizer {
  /** Number of tokens: their ids are `0..vocabSize-1`, and `encode` returns no others. */
  readonly vocabSize: number;
  /** Number of ids with padding, at least `vocabSize`. The ids from there on have no text. */
  readonly paddedVocabSize: number;
  /** The ids that end a reply. */
  readonly eosIds: readonly number[];
  /** The tokens that are found by their spelling: control tokens, tags and a few words. */
  readonly addedTokens: readonly AddedToken[];
  /** The ids that the file's post-processor would put before a text. `encode` does not add them. */
  readonly prefixIds: readonly number[];
  /** The ids that it would put after a text. `encode` does not add them either. */
  readonly suffixIds: readonly number[];
  /** What the file holds that changes no id of a text, and was left aside. */
  readonly asides: readonly TokenizerAside[];

  /**
   * Returns the ids of `text`. A control token that is spelled in it becomes that token. A lone
   * surrogate is read as U+FFFD.
   */
  encode(text: string): Int32Array;
  /**
   * Returns the ids of `text` as plain text: `<|user|>` is eight characters, no token. Use it for
   * texts from strangers.
   */
  encodeOrdinary(text: string): Int32Array;
  /**
   * Returns what `encode` does, piece by piece.
   *
   * @param options with `isOrdinary`, what `encodeOrdinary` does
   */
  pieces(text: string, options?: { readonly isOrdinary?: boolean }): Piece[];
  /** {@link pieces}, one by one: those of a long text take many times its memory. */
  eachPiece(text: string, options?: { readonly isOrdinary?: boolean }): Iterable<Piece>;

  /**
   * Returns the text of `ids`. Bytes that are no UTF-8 become U+FFFD.
   *
   * @throws {TokenizerError} when an id is neither a token nor padding
   */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** Returns a stream that turns ids into text one by one. */
  decodeStream(options?: DecodeOptions): DecodeStream;
  /** Returns the bytes that token `id` stands for, none for padding. The caller owns them. */
  tokenBytes(id: number): Uint8Array;
  /**
   * Returns the id of the added token, or else of the ordinary token, that is exactly this text.
   */
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

// With ignoreBOM, a byte order mark is a character like any other and is not dropped.
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
  readonly asides: readonly TokenizerAside[];
  readonly #vocabulary: Vocabulary;
  readonly #pieceEncoder: PieceEncoder;
  readonly #splits: readonly Splitter[];
  readonly #normalizer: Normalizer;
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #specialIds: ReadonlySet<number>;
  readonly #added: AddedTokens;

  constructor(spec: TokenizerSpec, options: TokenizerOptions) {
    const { size, addedTokens } = spec;
    const { paddedVocabSize = size, eosIds = [] } = options;
    if (!Number.isInteger(paddedVocabSize) || paddedVocabSize < size) {
      throw new TokenizerError("paddedVocabSize", `at least ${size}`, show(paddedVocabSize));
    }
    for (const [i, id] of eosIds.entries()) checkId(id, paddedVocabSize, `eosIds[${i}]`);
    this.vocabSize = size;
    this.paddedVocabSize = paddedVocabSize;
    this.eosIds = eosIds;
    this.addedTokens = addedTokens;
    this.prefixIds = spec.prefixIds;
    this.suffixIds = spec.suffixIds;
    this.asides = spec.asides;

    this.#vocabulary = createVocabulary(spec);
    const merges =
      options.mergesFrom === "ranks" ? createRankMergeTable(spec) : createMergeTable(spec);
    this.#pieceEncoder = new PieceEncoder(spec, this.#vocabulary, merges);
    this.#splits = spec.splits;
    this.#normalizer = spec.normalizer;
    this.#addedIds = new Map(addedTokens.map(({ content, id }) => [content, id]));
    this.#specialIds = new Set(addedTokens.filter((t) => t.special).map(({ id }) => id));
    this.#added = new AddedTokens(addedTokens, spec.normalizer);
  }

  encode(text: string): Int32Array {
    const ids: number[] = [];
    for (const { text: stretch, id } of this.#added.split(wellFormed(text))) {
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

  pieces(text: string, options: { readonly isOrdinary?: boolean } = {}): Piece[] {
    return [...this.eachPiece(text, options)];
  }

  *eachPiece(text: string, { isOrdinary = false } = {}): Generator<Piece> {
    let start = 0;
    const made = (piece: string, ids: readonly number[], isControl: boolean): Piece => {
      const from = start;
      start += piece.length;
      return { text: piece, start: from, end: start, ids, isControl };
    };
    const whole = wellFormed(text);
    const stretches = isOrdinary
      ? [{ text: normalize(whole, this.#normalizer), id: undefined }]
      : this.#added.split(whole);
    for (const { text: stretch, id } of stretches) {
      if (id !== undefined) {
        yield made(stretch, [id], true);
        continue;
      }
      for (const piece of preTokenize(stretch, this.#splits)) {
        yield made(piece, this.#pieceEncoder.encode(piece).slice(), false); // the original is cached
      }
    }
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

/** @throws {TokenizerError} when `id` is not one of `0..limit-1` */
function checkId(id: number, limit: number, path: string): void {
  if (!Number.isInteger(id) || id < 0 || id >= limit) {
    throw new TokenizerError(path, `an id in 0..${limit - 1}`, show(id));
  }
}
