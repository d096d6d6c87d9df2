/**
 * Saves a session while it runs, so that a crash costs only a few seconds of work.
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

/** The longest time between two commits while a session runs. */
const PERIOD_MS = 5000;

/** A keeper that commits a session to its files, always between two steps. */
export class Saver implements Keeper {
  readonly saved: SavedSession;
  readonly random: SeededRandom;
  readonly #session: Session;
  readonly #onClose: () => void;
  readonly #periodMs: number;
  #text: number[];
  #randomState: readonly number[];
  #note: unknown;
  #lastCommit = performance.now();

  /** Restores `session`, which must be new, to the saved state. */
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

  /** Replaces the text. Its tokens need not have been run yet. */
  begin(text: readonly number[]): void {
    this.#text = [...text];
  }

  /** Adds one token to the text. */
  took(id: number): void {
    this.#text.push(id);
    this.#randomState = this.random.state();
    this.ifDue();
  }

  /** Commits if the last commit was long ago. It must be called between two steps. */
  ifDue(): void {
    if (performance.now() - this.#lastCommit >= this.#periodMs) this.commit();
  }

  /**
   * Saves the session now.
   *
   * @param note what the owner of the session adds to this commit and to those after it
   */
  commit(note: unknown = this.#note): void {
    const { tokens, lastLogits } = this.#session;
    const pending = this.#text.slice(tokens.length);
    const logits = pending.length === 0 ? lastLogits : undefined;
    this.#note = note;
    this.saved.commit(this.#session, { pending, random: this.#randomState, logits, note });
    this.#lastCommit = performance.now();
  }

  /** Closes the files. What was not committed is lost. */
  close(): void {
    this.#onClose();
  }
}
