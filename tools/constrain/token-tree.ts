/**
 * The tokens of a vocabulary as a constraint sees them: bytes, and control tokens, which have none.
 *
 * The ordinary tokens stand in a tree, in which tokens that begin alike share nodes. So which tokens a
 * machine allows takes one walk, which leaves out every branch whose first byte is not allowed.
 *
 * Next: spot.ts
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Machine, State } from "./machine.ts";

const WORD_BITS = 32;

/** Nodes of a machine that one mask may take. More would take longer than a second. */
const MAX_WORK = 1_000_000;

/** Masks that are kept. For 154,880 ids, one has 19 KB. */
const MAX_MASKS = 512;

/** Sets the bit of an id. */
export function allow(mask: Uint32Array, id: number): void {
  mask[id >> 5] = ((mask[id >> 5] ?? 0) | (1 << (id & 31))) >>> 0;
}

/** The tokens of one tokenizer. */
export class TokenTree {
  /** Words of a mask. */
  readonly nWords: number;
  /** The ids that have bytes and are no control tokens. */
  readonly ordinary: Uint32Array;
  readonly #bytes: readonly (Uint8Array | undefined)[];
  // The tree from its root on, each node before its children. A node is a byte.
  readonly #byteOf: Uint8Array;
  readonly #depthOf: Uint16Array;
  /** The node after the last one below this node. */
  readonly #afterOf: Int32Array;
  /** The token that ends at this node, or −1. */
  readonly #idOf: Int32Array;
  readonly #maxDepth: number;
  /** The one that was asked for last comes last. */
  readonly #masks = new Map<State, Uint32Array>();

  /** @param stopIds the ids that end a text: none of them is part of one */
  constructor(tokenizer: Tokenizer, stopIds: readonly number[]) {
    const control = new Set([...stopIds, ...tokenizer.addedTokens.map(({ id }) => id)]);
    this.nWords = Math.ceil(tokenizer.paddedVocabSize / WORD_BITS);
    this.ordinary = new Uint32Array(this.nWords);
    const bytes = Array.from({ length: tokenizer.vocabSize }, (_, id) => {
      const own = control.has(id) ? undefined : tokenizer.tokenBytes(id);
      return own === undefined || own.length === 0 ? undefined : own;
    });
    this.#bytes = bytes;
    const spelled: (readonly [spelling: string, id: number])[] = [];
    bytes.forEach((own, id) => {
      if (own === undefined) return;
      allow(this.ordinary, id);
      spelled.push([String.fromCharCode(...own), id]);
    });
    spelled.sort(([a, i], [b, k]) => (a < b ? -1 : a > b ? 1 : i - k));
    const byteOf: number[] = [];
    const depthOf: number[] = [];
    const idOf: number[] = [];
    let before = "";
    for (const [spelling, id] of spelled) {
      let same = 0;
      while (same < before.length && before.charCodeAt(same) === spelling.charCodeAt(same)) same++;
      // Two tokens of the same bytes are two leaves.
      for (let k = Math.min(same, spelling.length - 1); k < spelling.length; k++) {
        byteOf.push(spelling.charCodeAt(k));
        depthOf.push(k);
        idOf.push(k === spelling.length - 1 ? id : -1);
      }
      before = spelling;
    }
    this.#byteOf = Uint8Array.from(byteOf);
    this.#depthOf = Uint16Array.from(depthOf);
    this.#idOf = Int32Array.from(idOf);
    this.#maxDepth = depthOf.reduce((a, b) => Math.max(a, b), 0);
    this.#afterOf = nodesAfter(this.#depthOf, this.#maxDepth);
  }

  /** The bytes of an ordinary token; undefined for any other one. */
  bytesOf(id: number): Uint8Array | undefined {
    return this.#bytes[id];
  }

  /**
   * The ordinary tokens that may come in a state. The masks of the last states are kept.
   *
   * @throws {ConstraintError} when finding them takes too long, because the form can be read in many ways
   */
  maskOf(machine: Machine, state: State): Uint32Array {
    const mask = this.#masks.get(state) ?? this.#walk(machine, state);
    this.#masks.delete(state);
    this.#masks.set(state, mask);
    if (this.#masks.size > MAX_MASKS) {
      for (const [oldest] of this.#masks) {
        this.#masks.delete(oldest);
        break;
      }
    }
    return mask;
  }

  /** The state after an ordinary token; null when it may not come. */
  stateAfter(machine: Machine, state: State, id: number): State | null {
    const bytes = this.#bytes[id];
    if (bytes === undefined) return null;
    let at: State | null = state;
    for (const byte of bytes) {
      at = machine.step(at, byte);
      if (at === null) return null;
    }
    return at;
  }

  #walk(machine: Machine, state: State): Uint32Array {
    const mask = new Uint32Array(this.nWords);
    const path = new Array<State>(this.#maxDepth + 2).fill(state);
    const n = this.#byteOf.length;
    const mostWork = machine.work + MAX_WORK;
    for (let i = 0; i < n; ) {
      if (machine.work > mostWork) {
        const text =
          "it takes too long to find the next token; give a form in which a text has one reading";
        throw new ConstraintError("constraint", text);
      }
      const depth = this.#depthOf[i] as number;
      const next = machine.step(path[depth] as State, this.#byteOf[i] as number);
      if (next === null) {
        i = this.#afterOf[i] as number;
        continue;
      }
      path[depth + 1] = next;
      const id = this.#idOf[i] as number;
      if (id >= 0) allow(mask, id);
      i++;
    }
    return mask;
  }
}

/** For each node, the node after all those below it. */
function nodesAfter(depthOf: Uint16Array, maxDepth: number): Int32Array {
  const after = new Int32Array(depthOf.length);
  const nextAt = new Int32Array(maxDepth + 2).fill(depthOf.length); // by depth, from the right
  for (let i = depthOf.length - 1; i >= 0; i--) {
    const depth = depthOf[i] as number;
    after[i] = nextAt[depth] as number;
    nextAt.fill(i, depth, maxDepth + 2);
  }
  return after;
}
