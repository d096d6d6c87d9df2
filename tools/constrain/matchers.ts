/**
 * What the constraints of one model share: its tokens, the ids that end a text, and the machines of forms
 * that were asked for before.
 *
 * Next: constraint-of.ts
 * @module
 */
import type { Tokenizer } from "../../tokenizer/index.ts";
import type { Rules } from "./forms.ts";
import { Machine } from "./machine.ts";
import { TokenTree } from "./token-tree.ts";

/** Machines that are kept. Agents send the same tools with each turn. */
const MAX_MACHINES = 256;

/** The tokens of a model, and the forms that its texts were held to. */
export class Matchers {
  /** The tokenizer of the model. */
  readonly tokenizer: Tokenizer;
  /** The ids that end a text. */
  readonly stopIds: readonly number[];
  #tree: TokenTree | undefined;
  /** The one that was asked for last comes last. */
  readonly #machines = new Map<string, Machine>();

  constructor(tokenizer: Tokenizer, stopIds: readonly number[]) {
    this.tokenizer = tokenizer;
    this.stopIds = stopIds;
  }

  /** The tokens as constraints see them. For 154,880 of them, they take half a second once. @internal */
  get tree(): TokenTree {
    this.#tree ??= new TokenTree(this.tokenizer, this.stopIds);
    return this.#tree;
  }

  /**
   * The machine of a form.
   *
   * @param key what tells this form from all others
   * @param where what to call it in an error
   * @param form the form; its rules were checked
   * @throws {ConstraintError} when it is too large
   * @internal
   */
  machine(key: string, where: string, form: () => Rules): Machine {
    const machine = this.#machines.get(key) ?? new Machine(form(), where);
    this.#machines.delete(key);
    this.#machines.set(key, machine);
    if (this.#machines.size > MAX_MACHINES) {
      for (const [oldest] of this.#machines) {
        this.#machines.delete(oldest);
        break;
      }
    }
    return machine;
  }
}

/**
 * Prepares constraints for the texts of a model.
 *
 * @param eosIds the ids that end a text
 */
export function openMatchers(
  tokenizer: Tokenizer,
  eosIds: readonly number[] = tokenizer.eosIds,
): Matchers {
  return new Matchers(tokenizer, eosIds);
}
