/**
 * The text that is studied: its pages, what each of its tokens chose, and the token under the glass.
 *
 * Next: focus.ts
 * @module
 */

import { commonPrefix } from "../../../engine/generate/common-prefix.ts";
import { ArgumentError, Session } from "../../../engine/index.ts";
import type {
  DraftAsk,
  Drafts,
  ExpertsOfText,
  Overlaps,
  Pages,
  PagesAsk,
  ReadAsk,
  ReadText,
  WriteAsk,
  Written,
} from "../messages.ts";
import type { Call } from "./desk.ts";
import { Focus } from "./focus.ts";
import type { Speaking } from "./look.ts";
import { overlapsOf } from "./overlaps.ts";
import { pagesOf } from "./pages.ts";
import { TextRecord } from "./text-record.ts";
import { tokenFacts, tokensOfText } from "./token-facts.ts";
import { draftRounds, writeOn } from "./write.ts";

/** See the top of this file. */
export class OpenText {
  readonly speaking: Speaking;
  readonly #record: TextRecord;
  readonly #session: Session;
  /** The tokens of the text that was read to its end. */
  #ids: readonly number[] = [];
  #focus: Focus | undefined;
  #onStep: (done: number) => void = () => {};

  constructor(speaking: Speaking) {
    const { model } = speaking;
    this.speaking = speaking;
    this.#record = new TextRecord(model.config);
    this.#session = new Session(model, {
      taps: this.#record.taps,
      onProgress: (done) => this.#onStep(done),
    });
  }

  /** The tokens of the text. @throws {ArgumentError} when none was read */
  get ids(): readonly number[] {
    if (this.#ids.length > 0) return this.#ids;
    throw new ArgumentError("text", "expected one that was read; read one first");
  }

  /** The pages that hold it. */
  get pool(): Session["pool"] {
    return this.#session.pool;
  }

  /** Ids of a text, with what stands before every text. @throws {ArgumentError} for one that is too long */
  idsOf({ text, ids }: ReadAsk): number[] {
    if ((text === undefined) === (ids === undefined)) {
      throw new ArgumentError("text", "expected either a text or ids");
    }
    const { tokenizer, textStart } = this.speaking;
    const all = ids ? [...ids] : [...textStart, ...tokenizer.encode(text ?? "")];
    const most = this.#session.room;
    if (all.length > 0 && all.length <= most) return all;
    throw new ArgumentError("text", `expected 1 … ${most} tokens, got ${all.length}`);
  }

  /** Reads a text. What it has in common with the one before is not run again. */
  async read(ask: ReadAsk, { signal, onProgress }: Call): Promise<ReadText> {
    const begun = performance.now();
    const { tokenizer, textStart } = this.speaking;
    const ids = this.idsOf(ask);
    this.#leave();
    this.#ids = [];
    const session = this.#session;
    session.truncate(Math.min(commonPrefix(ids, session.tokens), ids.length - 1));
    const kept = session.tokens.length;
    this.#record.truncate(kept);
    const total = ids.length;
    this.#onStep = (done) => onProgress({ done, total, unit: "tokens" });
    await session.prefill(ids, signal);
    signal.throwIfAborted();
    session.sync(ids);
    this.#ids = ids;
    const tokens =
      ask.text === undefined
        ? tokenFacts(tokenizer, ids)
        : tokensOfText(tokenizer, textStart, ask.text);
    return { tokens, ran: ids.length - kept, milliseconds: performance.now() - begun };
  }

  /** Looks at a token. The one that is looked at already is not run again. */
  focusOn(t: number): Focus {
    const { ids } = this;
    if (!(Number.isInteger(t) && t >= 0 && t < ids.length)) {
      throw new ArgumentError("position", `expected 0 … ${ids.length - 1}, got ${t}`);
    }
    if (this.#focus?.t === t && this.#focus.ids === ids) return this.#focus;
    this.#leave();
    this.#focus = new Focus(this.speaking.model, this.pool, ids, t);
    return this.#focus;
  }

  /** @throws {ArgumentError} when there is no such layer */
  checkLayer(layer: number): void {
    const n = this.speaking.model.config.numHiddenLayers;
    if (Number.isInteger(layer) && layer >= 0 && layer < n) return;
    throw new ArgumentError("layer", `expected 0 … ${n - 1}, got ${layer}`);
  }

  /** The experts of all tokens. */
  experts(): ExpertsOfText {
    const { numHiddenLayers, numExpertsPerTok } = this.speaking.model.config;
    const chosen = Array.from({ length: numHiddenLayers }, (_, l) => this.#record.expertsOf(l));
    return { perToken: numExpertsPerTok, chosen };
  }

  /** How the choices of all tokens resemble each other. */
  overlaps(t: number): Overlaps {
    if (!(Number.isInteger(t) && t >= 0 && t < this.ids.length)) {
      throw new ArgumentError("position", `expected 0 … ${this.ids.length - 1}, got ${t}`);
    }
    return overlapsOf(this.#record, t, this.speaking.model.config.indexTopk);
  }

  /** The pages of the text and of a fork. */
  pages({ fork, hotBytes }: PagesAsk, { signal }: Call): Promise<Pages> {
    if (this.ids.length > 0) this.#leave();
    const ids = fork === undefined ? undefined : this.idsOf({ text: fork });
    return pagesOf(this.speaking.model, this.#session, { fork: ids, hotBytes, signal });
  }

  /** Goes on with guesses. The draft head needs the hidden states of all tokens, so all are run. */
  async draft(ask: DraftAsk, { signal, onProgress }: Call): Promise<Drafts> {
    const { model, tokenizer } = this.speaking;
    const { ids } = this;
    const session = new Session(model, {
      draft: true,
      onProgress: (done) => onProgress({ done, total: ids.length, unit: "tokens" }),
    });
    try {
      const { rounds, ids: written } = await draftRounds(this.speaking, session, ids, ask, signal);
      return { rounds, tokens: tokenFacts(tokenizer, written) };
    } finally {
      session.close();
    }
  }

  /** Goes on token by token. */
  write(ask: WriteAsk, { signal, onToken }: Call): Promise<Written> {
    return writeOn(this.speaking, this.pool, this.ids, ask, onToken, signal);
  }

  /** Frees the memory. */
  close(): void {
    this.#leave();
    this.#session.close();
  }

  /** Gives the page of the token under the glass back, so that the session reads every token itself. */
  #leave(): void {
    this.#focus?.close();
    this.#focus = undefined;
  }
}
