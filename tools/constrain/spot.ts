/**
 * A spot in a text: which ids may come there, and where the text stands after each of them.
 *
 * Spots never change. A constraint goes from one to the next, and back.
 *
 * Next: reply.ts
 * @module
 */
import type { Machine, State } from "./machine.ts";
import { allow, type TokenTree } from "./token-tree.ts";

/** A spot in a text. */
export interface Spot {
  /** The ids that may come. */
  mask(): Uint32Array;
  /** The spot after an id; undefined when the id may not come. */
  after(id: number): Spot | undefined;
}

/** Where control tokens lead to. */
export type Exits = ReadonlyMap<number, () => Spot>;

const NO_EXITS: Exits = new Map();

/** A spot where only control tokens may come. */
export function crossing(tree: TokenTree, exits: Exits): Spot {
  return new MaskedSpot(new Uint32Array(tree.nWords), exits, () => undefined);
}

/** The exits to the end of a text. Whoever goes on all the same finds only stop ids. */
export function ending(tree: TokenTree, stopIds: readonly number[]): Exits {
  return new Map(stopIds.map((id) => [id, () => crossing(tree, ending(tree, stopIds))]));
}

/** A spot inside a text of ordinary tokens, whichever they are. */
export function anyText(tree: TokenTree, exits: Exits): Spot {
  const spot: Spot = new MaskedSpot(tree.ordinary, exits, (id) =>
    tree.bytesOf(id) === undefined ? undefined : spot,
  );
  return spot;
}

/** A spot inside a text of ordinary tokens that has a form. It can be left where the text is complete. */
export function formedText(
  tree: TokenTree,
  machine: Machine,
  exits: Exits,
  state: State = machine.start,
): Spot {
  const onOrdinary = (id: number) => {
    const next = tree.stateAfter(machine, state, id);
    return next === null ? undefined : formedText(tree, machine, exits, next);
  };
  const here = state.isEnd ? exits : NO_EXITS;
  return new MaskedSpot(() => tree.maskOf(machine, state), here, onOrdinary);
}

/** The same spot, which can be left besides. */
export function withExits(spot: Spot, exits: Exits): Spot {
  return new MaskedSpot(
    () => spot.mask(),
    exits,
    (id) => spot.after(id),
  );
}

/** What a text that is read to its end is, and where it leads to. */
export interface ReadText {
  /** Its form; any when there is none. */
  readonly machine: Machine | undefined;
  /** The exits after these bytes. A text with a form has them where it is complete alone. */
  readonly exits: (bytes: readonly number[]) => Exits;
}

/** A spot inside a text of ordinary tokens that decides where the text goes on. */
export function readText(
  tree: TokenTree,
  { machine, exits }: ReadText,
  bytes: readonly number[] = [],
  state: State | undefined = machine?.start,
): Spot {
  const onOrdinary = (id: number) => {
    const more = tree.bytesOf(id);
    if (more === undefined) return undefined;
    const next = machine && state ? tree.stateAfter(machine, state, id) : undefined;
    if (next === null) return undefined;
    return readText(tree, { machine, exits }, [...bytes, ...more], next);
  };
  const mask = machine && state ? () => tree.maskOf(machine, state) : tree.ordinary;
  return new MaskedSpot(
    mask,
    state === undefined || state.isEnd ? exits(bytes) : NO_EXITS,
    onOrdinary,
  );
}

class MaskedSpot implements Spot {
  readonly #ordinary: Uint32Array | (() => Uint32Array);
  readonly #exits: Exits;
  readonly #onOrdinary: (id: number) => Spot | undefined;

  constructor(
    ordinary: Uint32Array | (() => Uint32Array),
    exits: Exits,
    onOrdinary: (id: number) => Spot | undefined,
  ) {
    this.#ordinary = ordinary;
    this.#exits = exits;
    this.#onOrdinary = onOrdinary;
  }

  mask(): Uint32Array {
    const ordinary = this.#ordinary;
    const mask = typeof ordinary === "function" ? ordinary() : ordinary;
    if (this.#exits.size === 0) return mask;
    const all = mask.slice();
    for (const id of this.#exits.keys()) allow(all, id);
    return all;
  }

  after(id: number): Spot | undefined {
    return this.#exits.get(id)?.() ?? this.#onOrdinary(id);
  }
}
