/**
 * What a record of a journal says: the state of a session, as a change of the state before it. So a
 * commit costs bytes only for what is new.
 *
 * Everything that is read is checked, also behind a checksum that is right: a record of another
 * program, or of somebody who means harm, ends in a sentence and never in other tokens.
 *
 * Next: journal.ts
 * @module
 */
import { isNoteChange, type NoteChange, noteAfter } from "./note-change.ts";
import { checkedSessionFile, type SessionFile } from "./session-file.ts";

/** Where the bytes of a page stand in the file of pages. */
export interface KeptPage {
  /** The number of its place; places have equal sizes. */
  readonly slot: number;
  /** CRC-32 of the page's bytes. */
  readonly crc: number;
}

/** Logits as base64 of little-endian numbers. */
export interface KeptLogits {
  readonly type: "f32" | "f64";
  readonly base64: string;
}

/** The whole state of a session between two steps, except for the bytes of its pages. */
export interface SavedState {
  /** All ids: those that were run, and those after them that were not run yet. */
  readonly text: readonly number[];
  /** How many ids at the beginning of the text were run. Their rows are in the pages. */
  readonly nRun: number;
  readonly pages: readonly KeptPage[];
  /** State of the random generator, if numbers were drawn. */
  readonly random?: readonly number[] | undefined;
  /** Logits after the ids that were run. */
  readonly logits?: KeptLogits | undefined;
  /** What the program that owns the session adds, for example a conversation. */
  readonly note?: unknown;
}

/** The content of a record. What it does not have is as it was before, but for the logits. */
export interface Change {
  /** What the session was made with; in the first record only. */
  readonly about?: SessionFile;
  /** How many ids of the text stay, and the ids after those. */
  readonly text: readonly [kept: number, ids: readonly number[]];
  readonly run: number;
  /** How many pages stay, and place and CRC-32 of the pages after those. */
  readonly pages: readonly [kept: number, pages: readonly (readonly [slot: number, crc: number])[]];
  readonly random?: readonly number[];
  readonly logits?: KeptLogits | "same";
  readonly note?: NoteChange;
}

/** A state without a text. */
export const EMPTY: SavedState = { text: [], nRun: 0, pages: [] };

/** The first record of a journal: all of a state. */
export function wholeChange(state: SavedState, about: SessionFile): Change {
  const { text, nRun, pages, random, logits, note } = state;
  return {
    about,
    text: [0, text],
    run: nRun,
    pages: [0, pages.map(({ slot, crc }) => [slot, crc])],
    ...(random && { random }),
    ...(logits && { logits }),
    ...(note !== undefined && { note: { whole: note } }),
  };
}

/** A state that records are applied to, one after the other. It changes in place. */
export class GrowingState implements SavedState {
  readonly text: number[] = [];
  readonly pages: KeptPage[] = [];
  nRun = 0;
  random: readonly number[] | undefined;
  logits: KeptLogits | undefined;
  note: unknown;

  /** A state that holds what `state` holds now. */
  static from({ text, nRun, pages, random, logits, note }: SavedState): GrowingState {
    const grown = new GrowingState();
    replaceTail("ids", grown.text, 0, text);
    replaceTail("pages", grown.pages, 0, pages);
    return Object.assign(grown, { nRun, random, logits, note: structuredClone(note) });
  }

  /**
   * Applies one record.
   *
   * @throws {RangeError} when it does not fit the state before it; the state is unknown then
   */
  apply({ text, run, pages, random, logits, note }: Change): void {
    replaceTail("ids", this.text, text[0], text[1]);
    const more = pages[1].map(([slot, crc]) => ({ slot, crc }));
    replaceTail("pages", this.pages, pages[0], more);
    if (run > this.text.length) throw new RangeError(`run: expected at most ${this.text.length}`);
    this.nRun = run;
    this.random = random ?? this.random;
    if (logits !== "same") this.logits = logits;
    if (note) this.note = noteAfter(this.note, note);
  }
}

/** Replaces all items from `kept` on. Lists may be too long to be passed as arguments. */
function replaceTail<T>(what: string, list: T[], kept: number, more: readonly T[]): void {
  if (kept > list.length) throw new RangeError(`${what}: expected ${kept} before it`);
  list.length = kept;
  for (const item of more) list.push(item);
}

/**
 * Returns `value`, which was read from JSON, if it is a record.
 *
 * @throws {RangeError | SavedSessionError} that name the field that is wrong
 */
export function checkedChange(value: unknown): Change {
  if (typeof value !== "object" || value === null) throw new RangeError("expected an object");
  const change = value as Partial<Record<keyof Change, unknown>>;
  const { about, text, run, pages, random, logits, note } = change;
  if (about !== undefined) checkedSessionFile("about", about);
  need("text", isTail(text, isId));
  need("run", isCount(run));
  need("pages", isTail(pages, isPage));
  need("random", random === undefined || isRandomState(random));
  need("logits", logits === undefined || logits === "same" || isLogits(logits));
  need("note", note === undefined || isNoteChange(note));
  return change as Change;
}

/** Whether `value` is a state of xoshiro128**: four words, of which one is not 0. */
export function isRandomState(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const isWord = (x: unknown): boolean =>
    Number.isInteger(x) && (x as number) >= -(2 ** 31) && (x as number) < 2 ** 32;
  return value.every(isWord) && value.some((x) => x !== 0);
}

/** Whether `value` has the form of logits. Their number is checked when they are used. */
export function isLogits(value: unknown): value is KeptLogits {
  if (typeof value !== "object" || value === null) return false;
  const { type, base64 } = value as Partial<Record<keyof KeptLogits, unknown>>;
  return (type === "f32" || type === "f64") && typeof base64 === "string";
}

/** Whether `value` is a token id. */
export function isId(value: unknown): value is number {
  return isCount(value) && value < 2 ** 31;
}

/** Whether `value` is a whole number from 0 on. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether `slot` and `crc` are a place and a CRC-32. */
export function isKeptPage(slot: unknown, crc: unknown): boolean {
  return isCount(slot) && slot < 2 ** 31 && isCount(crc) && crc < 2 ** 32;
}

function isPage(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isKeptPage(value[0], value[1]);
}

function isTail(value: unknown, isItem: (item: unknown) => boolean): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [kept, more] = value;
  return isCount(kept) && Array.isArray(more) && more.every(isItem);
}

function need(field: string, isRight: boolean): void {
  if (!isRight) throw new RangeError(`${field}: expected another value`);
}
