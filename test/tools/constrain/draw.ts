/**
 * Draws texts from nothing but what a constraint allows.
 * @module
 */
import type { Constraint, Random } from "../../../engine/index.ts";
import type { Tokenizer } from "../../../tokenizer/index.ts";
import { pick } from "./random-schemas.ts";

/** The ids of a mask. */
export function idsOf(mask: Uint32Array): number[] {
  const ids: number[] = [];
  mask.forEach((word, at) => {
    for (let bits = word, i = 0; bits !== 0; bits >>>= 1, i++) {
      if ((bits & 1) === 1) ids.push(at * 32 + i);
    }
  });
  return ids;
}

/** Draws ids, and prefers those that bring a text nearer to its end. */
export class Drawer {
  readonly #control: ReadonlySet<number>;
  readonly #closing: ReadonlySet<number>;
  readonly #stops: ReadonlySet<number>;

  constructor(tokenizer: Tokenizer) {
    this.#control = new Set(tokenizer.addedTokens.map(({ id }) => id));
    this.#stops = new Set(tokenizer.eosIds);
    const signs = new Set([...'"]},'].map((sign) => sign.charCodeAt(0)));
    const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
    this.#closing = new Set(ids.filter((id) => signs.has(tokenizer.tokenBytes(id)[0] ?? -1)));
  }

  /** One of the ids. */
  draw(ids: readonly number[], random: Random): number {
    const control = ids.filter((id) => this.#control.has(id));
    if (control.length > 0 && (control.length === ids.length || random() < 0.3)) {
      return pick(control, random);
    }
    const closing = random() < 0.4 ? ids.filter((id) => this.#closing.has(id)) : [];
    const ordinary = ids.filter((id) => !this.#control.has(id));
    return pick(closing.length > 0 ? closing : ordinary, random);
  }

  /** A text, with the stop id that ends it if it ends. */
  text(constraint: Constraint, random: Random, most: number): { ids: number[]; isWhole: boolean } {
    const ids: number[] = [];
    while (ids.length < most) {
      const mask = constraint.allowed();
      if (mask === undefined) throw new Error("everything is allowed");
      const id = this.draw(idsOf(mask), random);
      constraint.accept(id);
      ids.push(id);
      if (this.#stops.has(id)) return { ids, isWhole: true };
    }
    return { ids, isWhole: false };
  }
}
