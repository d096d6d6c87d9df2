/**
 * The merges of a BPE model: for a pair of token ids, its rank and the id of the merged token.
 *
 * The table is an open-addressing hash table in a typed array. A `Map` would need one key object
 * per pair, and GLM-5.2 has 321,649 pairs. This table takes 16 bytes a slot and finds most pairs at
 * the first probe.
 *
 * Next: bpe.ts
 * @module
 */
import { at, ROOT } from "./json-fields.ts";
import { show, TokenizerError } from "./tokenizer-error.ts";
import type { TokenizerSpec } from "./tokenizer-json.ts";

/** Numbers in a slot: left, right, rank, merged. */
const SLOT = 4;
/** Marks a slot without a merge. */
const EMPTY = -1;
/** `bpe.ts` packs a rank and a position of 32 bits into the 53 bits of a number. */
const MAX_MERGES = 2 ** 21;

/** Merges by their pair of ids. */
export class MergeTable {
  readonly #slots: Int32Array;
  readonly #mask: number;

  /** @param capacity number of merges that {@link add} will be called with */
  constructor(capacity: number) {
    let slots = 16;
    while (slots < capacity * 1.5) slots *= 2; // at most two thirds full
    this.#slots = new Int32Array(slots * SLOT).fill(EMPTY);
    this.#mask = slots - 1;
  }

  /** Adds a merge, or returns false if the pair has one already. */
  add(left: number, right: number, rank: number, merged: number): boolean {
    const slot = this.#probe(left, right);
    const slots = this.#slots;
    if (slots[slot] !== EMPTY) return false;
    slots[slot] = left;
    slots[slot + 1] = right;
    slots[slot + 2] = rank;
    slots[slot + 3] = merged;
    return true;
  }

  /**
   * Returns the slot of this pair, for {@link rankAt} and {@link mergedAt}; -1 if it has no merge.
   */
  find(left: number, right: number): number {
    const slot = this.#probe(left, right);
    return this.#slots[slot] === EMPTY ? -1 : slot;
  }

  /** Returns the rank of the merge in a slot; lower ranks merge first. */
  rankAt(slot: number): number {
    return this.#slots[slot + 2] as number;
  }

  /** Returns the id of the token that the merge in a slot makes. */
  mergedAt(slot: number): number {
    return this.#slots[slot + 3] as number;
  }

  /** Returns the slot of the pair, or the empty slot where it belongs. */
  #probe(left: number, right: number): number {
    const slots = this.#slots;
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash ^= hash >>> 15;
    for (let i = hash & this.#mask; ; i = (i + 1) & this.#mask) {
      const slot = i * SLOT;
      const found = slots[slot];
      if (found === EMPTY || (found === left && slots[slot + 1] === right)) return slot;
    }
  }
}

/**
 * Makes the table from the list of merges in the file.
 *
 * @throws {TokenizerError} when a merge is listed twice, or a part or its result is no token
 */
export function createMergeTable(spec: TokenizerSpec): MergeTable {
  const { merges, vocab } = spec;
  const path = at(at(ROOT, "model"), "merges");
  if (merges.length > MAX_MERGES) {
    throw new TokenizerError(path, `at most ${MAX_MERGES} merges`, `${merges.length}`);
  }
  const table = new MergeTable(merges.length);
  const idOf = (token: string, rank: number): number => {
    const id = vocab.get(token);
    if (id === undefined) throw new TokenizerError(at(path, rank), "known tokens", show(token));
    return id;
  };
  merges.forEach(([left, right], rank) => {
    const merged = idOf(left + right, rank);
    if (!table.add(idOf(left, rank), idOf(right, rank), rank, merged)) {
      throw new TokenizerError(at(path, rank), "each pair once", show([left, right]));
    }
  });
  return table;
}

/**
 * Makes the table from the vocabulary alone, whose ids are ranks: every pair of tokens that
 * together are a token may merge, and the smaller the id of that token, the earlier. Some
 * vocabularies are published in this form, without a list of merges.
 *
 * @see tiktoken `src/lib.rs` `byte_pair_merge`
 */
export function createRankMergeTable({ vocab, addedTokens }: TokenizerSpec): MergeTable {
  const added = new Set(addedTokens.map(({ id }) => id));
  const idOf = (spelling: string): number | undefined => {
    const id = vocab.get(spelling);
    return id === undefined || added.has(id) ? undefined : id;
  };
  const found: number[] = [];
  for (const [token, id] of vocab) {
    if (added.has(id)) continue;
    for (let cut = 1; cut < token.length; cut++) {
      const left = idOf(token.slice(0, cut));
      const right = left === undefined ? undefined : idOf(token.slice(cut));
      if (left !== undefined && right !== undefined) found.push(left, right, id);
    }
  }
  const table = new MergeTable(found.length / 3);
  for (let i = 0; i < found.length; i += 3) {
    const [left, right, id] = found.slice(i, i + 3) as [number, number, number];
    table.add(left, right, id, id);
  }
  return table;
}
