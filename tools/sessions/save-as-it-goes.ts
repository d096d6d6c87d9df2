/**
 * A session that is saved while it runs: a crash costs a few seconds of work.
 *
 * Next: open-named.ts
 * @module
 */
import {
  resumedRandom,
  type SeededRandom,
  type Session,
  seededRandom,
} from "../../engine/index.ts";
import type { Keeper } from "../library/keeper.ts";
import type { SavedSession } from "./saved-session.ts";

/** Longest time between two commits while a session runs, in milliseconds. */
const PERIOD_MS = 5000;

/** Commits a session to its files, between steps. */
export class Saver implements Keeper {
  readonly saved: SavedSession;
  readonly random: SeededRandom;
  readonly #session: Session;
  readonly #onClose: () => void;
  readonly #periodMs: number;
  #text: number[];
  #randomState: readonly number[];
  #note: unknown;
  #lastCommit = Date.now();

  /** Gives `session`, which must be new, what is saved. */
  constructor(
    saved: SavedSession,
    session: Session,
    seed: number,
    onClose: () => void = () => {},
    periodMs: number = PERIOD_MS,
  ) {
    saved.restore(session);
    const { random, note } = saved.state;
    this.saved = saved;
    this.random = random ? resumedRandom(random) : seededRandom(seed);
    this.#session = session;
    this.#onClose = onClose;
    this.#periodMs = periodMs;
    this.#text = [...saved.text];
    this.#randomState = this.random.state();
    this.#note = note;
  }

  /** {@inheritDoc Keeper.text} */
  get text(): readonly number[] {
    return this.#text;
  }

  /** {@inheritDoc Keeper.note} */
  get note(): unknown {
    return this.#note;
  }

  /** The text is this now, whether it was run or not. */
  begin(text: readonly number[]): void {
    this.#text = [...text];
  }

  /** One more token of the text. */
  took(id: number): void {
    this.#text.push(id);
    this.#randomState = this.random.state();
    this.ifDue();
  }

  /** Commits when the last time was long ago. Between steps only. */
  ifDue(): void {
    if (Date.now() - this.#lastCommit >= this.#periodMs) this.commit();
  }

  /** @param note what the owner of the session adds from now on */
  commit(note: unknown = this.#note): void {
    const { tokens, lastLogits } = this.#session;
    const pending = this.#text.slice(tokens.length);
    const logits = pending.length === 0 ? lastLogits : undefined;
    this.#note = note;
    this.saved.commit(this.#session, { pending, random: this.#randomState, logits, note });
    this.#lastCommit = Date.now();
  }

  /** Lets the files go. What was not committed is lost. */
  close(): void {
    this.#onClose();
  }
}
