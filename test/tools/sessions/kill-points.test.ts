/**
 * Tests that after a loss of power at any moment the last synced state is found, or a later one.
 */
import { describe, expect, it } from "vitest";
import { referenceOps, Session, seededRandom } from "../../../engine/index.ts";
import { MARK_BYTES } from "../../../tools/sessions/journal.ts";
import { SavedSession } from "../../../tools/sessions/saved-session.ts";
import { SavedSessionError } from "../../../tools/sessions/session-error.ts";
import { randomTokens } from "../../support/random.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { ABOUT, CrashingDisk, type Unsynced } from "./crashing-disk.ts";

const model = tinyModel({}, referenceOps());
const PAGE_ROWS = 4;
const newSession = () => new Session(model, { rows: { pageRows: PAGE_ROWS } });

interface Committed {
  readonly tokens: readonly number[];
  readonly note: unknown;
  readonly pages: readonly Uint8Array[];
  /** How many calls of the disk were made until the commit was safe. */
  readonly nCalls: number;
}

const pagesOf = (session: Session): Uint8Array[] =>
  Array.from({ length: Math.ceil(session.tokens.length / PAGE_ROWS) }, (_, i) =>
    session.pageBytes(i),
  );

/** Bytes as a text, because `expect` compares texts much faster than arrays. */
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Appends, truncates and commits at random. Returns the commits. */
function history(disk: CrashingDisk, nCommits: number, seed: number): Committed[] {
  const random = seededRandom(seed);
  const session = newSession();
  const saved = SavedSession.open(disk, ABOUT);
  const committed: Committed[] = [];
  for (let note = 0; note < nCommits; note++) {
    if (random() < 0.25) session.truncate(Math.floor(random() * session.tokens.length));
    session.append(randomTokens(1 + Math.floor(6 * random()), 32, seed + note));
    saved.commit(session, { pending: [note], random: [note, 1, 2, 3], note });
    committed.push({
      tokens: [...session.tokens],
      note,
      pages: pagesOf(session),
      nCalls: disk.calls.length,
    });
  }
  return committed;
}

/** Recovers from `disk` and compares every byte. Returns the number of the found commit, or -1. */
function recovered(disk: CrashingDisk, committed: readonly Committed[]): number {
  const saved = SavedSession.open(disk, ABOUT);
  const session = newSession();
  saved.restore(session);
  const { note = -1 } = saved.state;
  const want = committed[note as number];
  expect(session.tokens).toEqual(want?.tokens ?? []);
  expect(pagesOf(session).map(hexOf)).toEqual(want?.pages.map(hexOf) ?? []);
  expect(saved.state.text.slice(saved.state.nRun)).toEqual(want ? [note] : []);
  session.close();
  return note as number;
}

/** How many commits were safe before call `at`. */
const nSafe = (committed: readonly Committed[], at: number): number =>
  committed.filter(({ nCalls }) => nCalls <= at).length;

describe("a saved session, killed", () => {
  const disk = new CrashingDisk();
  const committed = history(disk, 30, 11);
  const modes: readonly Unsynced[] = ["kept", "lost", "either"];

  it("at 700 points of 30 commits: the last safe state or the one being made, byte for byte", () => {
    let nPoints = 0;
    for (let at = 0; at <= disk.calls.length; at++) {
      for (const mode of modes) {
        for (const part of [0, 0.5]) {
          const left = disk.after(at, part, mode, at);
          const note = recovered(left, committed);
          const safe = nSafe(committed, at) - 1;
          expect([safe, safe + 1]).toContain(note);
          expect(SavedSession.open(left, ABOUT).state.note ?? -1).toBe(note); // and again, the same
          nPoints++;
        }
      }
    }
    expect(nPoints).toBeGreaterThan(700);
  });

  it("at every byte of the last record: the state before it, and the last one when it is whole", () => {
    const at = disk.calls.findLastIndex(({ kind }) => kind === "append");
    const call = disk.calls[at];
    const nBytes = "bytes" in call ? call.bytes.length : 0;
    expect(nBytes).toBeGreaterThan(100);
    for (let n = 0; n <= nBytes; n++) {
      const note = recovered(disk.after(at, (n + 0.5) / nBytes, "either", n), committed);
      expect(note).toBe(n < nBytes - MARK_BYTES ? 28 : 29);
    }
  });

  it("goes on after it: what is committed then is what the next process finds", () => {
    for (let at = 0; at < disk.calls.length; at += 3) {
      const left = disk.after(at, 0.5, "either", at);
      const saved = SavedSession.open(left, ABOUT);
      const session = newSession();
      saved.restore(session);
      session.append([1, 2, 3]);
      saved.commit(session, { pending: [], note: 0 });
      const now = [{ tokens: [...session.tokens], note: 0, pages: pagesOf(session), nCalls: 0 }];
      const again = SavedSession.open(left, ABOUT);
      const twin = newSession();
      again.restore(twin);
      expect(twin.tokens).toEqual(now[0].tokens);
      expect(pagesOf(twin)).toEqual(now[0].pages);
      expect(again.rest.kind).toBe("nothing");
    }
  });

  it("a write that fails half-way changes nothing, and the next commit is whole", () => {
    for (let failsAfter = 0; failsAfter < 5; failsAfter++) {
      const fresh = new CrashingDisk();
      const saved = SavedSession.open(fresh, ABOUT);
      const session = newSession();
      session.append([1, 2, 3, 4, 5, 6]);
      saved.commit(session, { pending: [], note: "first" });
      session.append([7, 8, 9]);
      fresh.failsAfter = failsAfter;
      // two pages, their sync, the record, its sync
      expect(() => saved.commit(session, { pending: [], note: "second" })).toThrow("ENOSPC");
      fresh.failsAfter = Number.POSITIVE_INFINITY;
      const between = SavedSession.open(new CrashingDisk(fresh.journal, fresh.pages), ABOUT);
      expect(["first", "second"]).toContain(between.state.note);
      between.restore(newSession());
      saved.commit(session, { pending: [], note: "third" });
      const after = SavedSession.open(fresh, ABOUT);
      expect([after.state.note, after.rest.kind]).toEqual(["third", "nothing"]);
      const twin = newSession();
      after.restore(twin);
      expect(pagesOf(twin)).toEqual(pagesOf(session));
    }
  });

  it("a disk that only says that it has synced is caught by this test, and never believed", () => {
    let nOlder = 0;
    let nRefused = 0;
    for (let at = 0; at <= disk.calls.length; at++) {
      try {
        const note = recovered(disk.after(at, 0, "either", at, true), committed);
        if (note < nSafe(committed, at) - 1) nOlder++;
      } catch (error) {
        expect(error).toBeInstanceOf(SavedSessionError);
        nRefused++;
      }
    }
    expect(nOlder).toBeGreaterThan(5);
    expect(nRefused).toBeGreaterThan(0);
  });
});
