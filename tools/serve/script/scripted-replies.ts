/**
 * Answers with given replies, so that a program that talks with a model can be tested without luck.
 *
 * The model runs all the same and is made to say the reply, token by token: prompt, stream, parser and
 * usage are real, and log-probabilities say what the model itself thinks of the reply.
 *
 * Next: ../chat-reply.ts
 * @module
 */
import {
  type Constraint,
  constraintOf,
  isAllowed,
  type Matchers,
  openMatchers,
} from "../../constrain/index.ts";
import type { Order, ServedModel } from "../desk.ts";
import { lastText } from "./last-text.ts";
import { replyIds, type ScriptTurn, scriptError } from "./reply-ids.ts";
import type { ScriptEntry } from "./script-file.ts";

/** An order for a given reply. */
export interface ScriptedOrder {
  readonly order: Order;
  /** The order was taken, so the reply has been given. */
  readonly isTaken: () => void;
}

/** Gives out replies; see the top of this file. */
export class ScriptedReplies {
  readonly #answers: readonly (ScriptEntry & { readonly when: string })[];
  readonly #inTurn: readonly ScriptEntry[];
  #nGiven = 0;
  #matchers: Matchers | undefined;

  constructor(entries: readonly ScriptEntry[]) {
    this.#answers = entries.flatMap((entry) => {
      const { when } = entry;
      return when === undefined ? [] : [{ ...entry, when }];
    });
    this.#inTurn = entries.filter(({ when }) => when === undefined);
  }

  /**
   * The order for the next reply of a conversation.
   *
   * @throws {ServeError} when there is no reply, or it cannot be given here
   */
  turn(model: ServedModel, turn: ScriptTurn, order: Order): ScriptedOrder {
    const entry = this.#find(lastText(turn.chat), "messages");
    const { ids, hasCalls } = replyIds(model, turn, entry);
    const end = model.tokenizer.idOf(hasCalls ? "<|observation|>" : "<|user|>");
    return this.#order(model, order, entry, withEnd(ids, end, order));
  }

  /**
   * The order for the next text after a prompt.
   *
   * @throws {ServeError} when there is no text, or it cannot be given here
   */
  text(model: ServedModel, order: Order): ScriptedOrder {
    const { tokenizer, eosTokenIds } = model;
    const entry = this.#find(tokenizer.decode(order.ids), "prompt");
    const { reply, where } = entry;
    if (reply.kind !== "text") {
      throw scriptError(where, "expected text, because a text is gone on with here", "prompt");
    }
    const ids = [...tokenizer.encode(reply.text)];
    return this.#order(model, order, entry, withEnd(ids, eosTokenIds[0], order));
  }

  #find(last: string, field: string): ScriptEntry {
    const entry = this.#answers.find(({ when }) => last.includes(when));
    const found = entry ?? this.#inTurn[this.#nGiven];
    if (found) return found;
    const what =
      `expected an entry for ${JSON.stringify(last.slice(0, 60))}; ` +
      `none of the ${this.#answers.length} with "when" fits, ` +
      `and all ${this.#inTurn.length} without were given`;
    throw scriptError("at its end", what, field);
  }

  #order(
    model: ServedModel,
    order: Order,
    entry: ScriptEntry,
    ids: readonly number[],
  ): ScriptedOrder {
    this.#checkAllowed(model, order, entry, ids);
    return {
      order: { ...order, minTokens: 0, constraint: { kind: "script", ids } },
      isTaken: () => {
        if (entry.when === undefined) this.#nGiven++;
      },
    };
  }

  /** @throws {ServeError} when the request asks for another form than the reply has */
  #checkAllowed(
    { tokenizer, eosTokenIds }: ServedModel,
    { constraint }: Order,
    { where }: ScriptEntry,
    ids: readonly number[],
  ): void {
    if (constraint === undefined) return;
    this.#matchers ??= openMatchers(tokenizer, eosTokenIds);
    const rule: Constraint = constraintOf(constraint, this.#matchers);
    for (const [i, id] of ids.entries()) {
      if (isAllowed(rule.allowed() ?? new Uint32Array(), id)) {
        rule.accept(id);
        continue;
      }
      const before = JSON.stringify(tokenizer.decode(ids.slice(0, i))).slice(-60);
      const token = JSON.stringify(tokenizer.decode([id]));
      const what = `the request does not allow it (tool_choice, tools or format): after ${before}, got ${token}`;
      throw scriptError(where, what);
    }
  }
}

/** The ids with the one that ends them, unless they have an end, or the request knows no such end. */
function withEnd(
  ids: readonly number[],
  end: number | undefined,
  { stopIds }: Order,
): readonly number[] {
  const isEnded = ids.some((id) => stopIds.includes(id));
  if (isEnded || end === undefined || !stopIds.includes(end)) return ids;
  return [...ids, end];
}
