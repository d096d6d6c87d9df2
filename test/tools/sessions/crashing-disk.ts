/**
 * A disk in memory that records every call. It can show what it would hold after a loss of power at
 * any moment. What was synced is there then; other writes may be there as a whole, in part, or not
 * at all.
 * @module
 */
import { seededRandom } from "../../../engine/index.ts";
import { wholeJournal } from "../../../tools/sessions/journal.ts";
import { EMPTY } from "../../../tools/sessions/record.ts";
import type { SessionDisk } from "../../../tools/sessions/session-disk.ts";
import { type SessionFile, sessionFile } from "../../../tools/sessions/session-file.ts";

/** What the sessions of these tests were made with. Their pages have 4 positions, if nothing else. */
export const ABOUT: SessionFile = sessionFile({
  kind: "text",
  model: "tiny",
  created: "2026-01-01T00:00:00.000Z",
  made: { config: "c", weights: "w" },
  pageRows: 4,
  pageBytes: 1344,
});

type Call =
  | { readonly kind: "replace"; readonly bytes: Uint8Array }
  | { readonly kind: "append" | "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "syncJournal" | "syncPages" };

/** A call, and how much of it was done. A call that failed was done in part. */
type Done = Call & { readonly part: number };

/** What happens to writes that were not synced. */
export type Unsynced = "kept" | "lost" | "either";

export class CrashingDisk implements SessionDisk {
  readonly name: string = "disk";
  readonly calls: Done[] = [];
  readonly #first: readonly [journal: Uint8Array, pages: Uint8Array];
  /** How many calls succeed before one is done in part and fails. */
  failsAfter = Number.POSITIVE_INFINITY;
  journal: Uint8Array;
  pages: Uint8Array;

  constructor(
    journal: Uint8Array = wholeJournal(EMPTY, ABOUT).bytes,
    pages: Uint8Array = new Uint8Array(),
  ) {
    this.#first = [journal, pages];
    this.journal = journal.slice();
    this.pages = pages.slice();
  }

  journalBytes(): number {
    return this.journal.length;
  }

  readJournal(offset: number, target: Uint8Array): number {
    const found = this.journal.subarray(offset, offset + target.length);
    target.set(found);
    return found.length;
  }

  readPages(offset: number, target: Uint8Array): number {
    const found = this.pages.subarray(offset, offset + target.length);
    target.set(found);
    return found.length;
  }

  writeJournal(offset: number, bytes: Uint8Array): void {
    this.#do({ kind: "append", offset, bytes: bytes.slice() });
  }

  writePages(offset: number, bytes: Uint8Array): void {
    this.#do({ kind: "write", offset, bytes: bytes.slice() });
  }

  replaceJournal(bytes: Uint8Array): void {
    this.#do({ kind: "replace", bytes: bytes.slice() });
  }

  syncJournal(): void {
    this.#do({ kind: "syncJournal" });
  }

  syncPages(): void {
    this.#do({ kind: "syncPages" });
  }

  close(): void {}

  #do(call: Call): void {
    const fails = this.failsAfter-- <= 0;
    const part = fails && call.kind !== "replace" ? 0.5 : fails ? 0 : 1;
    this.calls.push({ ...call, part });
    apply(this, call, part);
    if (fails) throw new Error("ENOSPC: no space left on device");
  }

  /**
   * The disk after a loss of power during call `at`, of which the share `part` (0 … 1) was done.
   *
   * @param lies whether the disk said that it had synced, but had not
   */
  after(at: number, part: number, unsynced: Unsynced, seed: number, lies = false): CrashingDisk {
    const random = seededRandom(seed);
    const left = new CrashingDisk(...this.#first);
    const done = this.calls.slice(0, at);
    const lastSync = (kinds: readonly Call["kind"][]): number =>
      done.findLastIndex((call) => call.part === 1 && kinds.includes(call.kind));
    const synced = { write: lastSync(["syncPages"]), append: lastSync(["syncJournal", "replace"]) };
    const isSynced = ({ kind }: Call, i: number): boolean =>
      !lies && (kind === "replace" || i < synced[kind === "write" ? "write" : "append"]);
    const shareOf = (call: Call, i: number): number => {
      if (isSynced(call, i) || unsynced === "kept") return 1;
      if (unsynced === "lost") return 0;
      return [0, random(), 1][Math.floor(3 * random())];
    };
    done.forEach((call, i) => {
      apply(left, call, call.part * shareOf(call, i));
    });
    const last = this.calls[at];
    if (last) apply(left, last, last.part * (last.kind === "replace" ? Math.round(part) : part));
    return left;
  }
}

/** Does the first `part` of a call. */
function apply(disk: CrashingDisk, call: Call, part: number): void {
  if (call.kind === "replace") {
    if (part === 1) disk.journal = call.bytes;
  } else if (call.kind === "append") {
    disk.journal = put(disk.journal, call.offset, call.bytes, part);
  } else if (call.kind === "write") {
    disk.pages = put(disk.pages, call.offset, call.bytes, part);
  }
}

function put(old: Uint8Array, offset: number, bytes: Uint8Array, part: number): Uint8Array {
  const nHere = Math.floor(part * bytes.length);
  if (nHere === 0) return old;
  const end = offset + nHere;
  const made = new Uint8Array(Math.max(end, old.length));
  made.set(old);
  made.set(bytes.subarray(0, nHere), offset);
  return made;
}
