/**
 * Who keeps a session while it runs, so that it can be gone on with later.
 *
 * The library only tells a keeper what happens; tools/sessions has one that writes to a disk.
 * @module
 */
import type { Random, Session } from "../../engine/index.ts";

/** What is told about one session, between steps. */
export interface Keeper {
  /** What was kept before: tokens that the session has run, and those that it has yet to run. */
  readonly text: readonly number[];
  /** What the owner of the session has added. */
  readonly note: unknown;
  /** Goes on from the random numbers that were drawn before. */
  readonly random: Random;
  /** The text is this now, whether it was run or not. */
  begin(text: readonly number[]): void;
  /** One more token of the text was chosen. */
  took(id: number): void;
  /** Keeps the session if the last time was long ago. */
  ifDue(): void;
  /** Keeps the session now, with what its owner adds from now on. */
  commit(note?: unknown): void;
  /** Is no longer told anything. What was not committed is lost. */
  close(): void;
}

/**
 * Gives a new session what was kept and returns its keeper.
 *
 * @param seed of the random numbers, where none were drawn yet
 */
export type StartKeeper = (session: Session, seed: number) => Keeper;
