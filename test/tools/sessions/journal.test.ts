/** Tests that torn, foreign or damaged bytes of a journal never give a state that was not saved. */
import { describe, expect, it } from "vitest";
import { referenceOps, Session } from "../../../engine/index.ts";
import { fingerprintHash } from "../../../tools/sessions/fingerprint.ts";
import { countsOf, MARK_BYTES, record, wholeJournal } from "../../../tools/sessions/journal.ts";
import { glance, mustBeWhole, recover } from "../../../tools/sessions/journal-reader.ts";
import { type Change, GrowingState, type SavedState } from "../../../tools/sessions/record.ts";
import { SavedSession } from "../../../tools/sessions/saved-session.ts";
import { SavedSessionError } from "../../../tools/sessions/session-error.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { ABOUT, CrashingDisk } from "./crashing-disk.ts";
import { type OldChange, oldJournal } from "./old-journal.ts";

/** A journal of some changes, and where each of its records ends. */
function journalOf(changes: readonly Change[]): { bytes: Uint8Array; ends: number[] } {
  const state = new GrowingState();
  const first = wholeJournal(state, ABOUT);
  let bytes = first.bytes;
  let crc = first.crc;
  const ends = [first.nBeforeMark];
  for (const change of changes) {
    state.apply(change);
    const next = record(change, crc, countsOf(state, ends.length + 1));
    bytes = Uint8Array.from([...bytes.subarray(0, ends.at(-1)), ...next.bytes]);
    ends.push((ends.at(-1) ?? 0) + next.nBeforeMark);
    crc = next.crc;
  }
  return { bytes, ends };
}

const changes: readonly Change[] = [
  { text: [0, [1, 2, 3, 4]], run: 3, pages: [0, [[0, 9]]], note: { whole: { said: ["a"], n: 1 } } },
  { text: [4, []], run: 4, pages: [0, [[1, 8]]], random: [1, 2, 3, 4] },
  {
    text: [2, [7]],
    run: 3,
    pages: [1, []],
    note: { values: { n: 2 }, lists: { said: [1, ["b"]] } },
  },
];
const states: readonly SavedState[] = changes.map((_, i) => {
  const state = new GrowingState();
  for (const change of changes.slice(0, i + 1)) state.apply(change);
  return state;
});
const { bytes: journal, ends } = journalOf(changes);
const disk = (bytes: Uint8Array) => new CrashingDisk(bytes);

/** The number of the last change in what was recovered, or -1. */
function lastOf(state: SavedState): number {
  const found = states.findIndex((one) => JSON.stringify(one) === JSON.stringify(state));
  expect(found >= 0 || state.text.length === 0).toBe(true);
  return found;
}

describe("a journal", () => {
  it("is its records, each applied to the one before", () => {
    const found = recover(disk(journal));
    expect(found.state).toEqual(states[2]);
    expect(found).toMatchObject({ nRecords: 4, about: ABOUT, rest: { kind: "nothing" } });
    expect(found.state).toMatchObject({
      text: [1, 2, 7],
      nRun: 3,
      pages: [{ slot: 1, crc: 8 }],
      random: [1, 2, 3, 4],
      note: { said: ["a", "b"], n: 2 },
    });
    expect(recover(disk(wholeJournal(states[2], ABOUT).bytes)).state).toEqual(states[2]);
  });

  it("cut anywhere says so, and is an earlier state or refused", () => {
    for (let n = 16; n < journal.length; n++) {
      const { state, rest } = recover(disk(journal.subarray(0, n)));
      const nWhole = ends.filter((end) => end <= n).length;
      expect(lastOf(state)).toBe(Math.max(-1, nWhole - 2));
      // Of the first record, which is put in its place as a whole, nothing may be missing.
      expect(rest).toMatchObject({
        kind: nWhole === 0 ? "damaged" : "torn",
        nBytes: n - (ends[nWhole - 1] ?? 16),
      });
      expect(glance(disk(journal.subarray(0, n)))).toBeUndefined();
    }
  });

  it("with any bit flipped is refused, or the same state without its end mark", () => {
    for (let bit = 0; bit < 8 * journal.length; bit++) {
      const at = bit >> 3;
      const bad = journal.slice();
      bad[at] ^= 1 << (bit & 7);
      if (at < 16) {
        expect(() => recover(disk(bad))).toThrow(SavedSessionError);
        continue;
      }
      const found = recover(disk(bad));
      const nBefore = ends.filter((end) => end <= at).length;
      expect(lastOf(found.state)).toBe(Math.max(-1, nBefore - 2));
      if (at >= journal.length - MARK_BYTES) {
        expect(found.rest.kind).toBe("torn");
        continue;
      }
      expect(found.rest).toMatchObject({ kind: "damaged", nRecordsAfter: 3 - nBefore });
      expect(() => SavedSession.open(disk(bad), ABOUT)).toThrow(/record \d, at byte \d+, is damag/);
    }
  });

  it("that is refused says what is lost, and where", () => {
    const bad = journal.slice();
    bad[ends[1] + 20] ^= 1;
    const found = recover(disk(bad));
    expect(() => mustBeWhole("tale", found)).toThrow(
      `tale: journal: record 2, at byte ${ends[1]}, is damaged, and 1 whole records follow it, with up to 3 tokens; nothing was changed; \`glm52 session verify --repair\` keeps the 2 records before it, with 4 tokens, and gives up the others`,
    );
    const repaired = SavedSession.open(disk(bad), ABOUT, true);
    repaired.cut();
    expect(repaired.state).toEqual(states[0]);
  });

  it("that ends in zeros, as after a loss of power, is torn", () => {
    for (const nZeros of [1, 10, 100, 5000]) {
      const padded = Uint8Array.from([...journal, ...new Uint8Array(nZeros)]);
      expect(recover(disk(padded))).toMatchObject({ nRecords: 4, rest: { kind: "torn" } });
    }
    const halfZeros = journal.slice();
    halfZeros.fill(0, ends[2] + 15);
    expect(recover(disk(halfZeros))).toMatchObject({ nRecords: 3, rest: { kind: "torn" } });
  });

  it("takes no record for which the one before is missing", () => {
    const orphan = Uint8Array.from([...journal.subarray(0, ends[1]), ...journal.subarray(ends[2])]);
    expect(recover(disk(orphan))).toMatchObject({
      nRecords: 2,
      rest: { kind: "damaged", nRecordsAfter: 0 },
    });
  });

  it("of something else is refused with both sides", () => {
    const foreign = new TextEncoder().encode("GGUF and more bytes than that");
    expect(() => recover(disk(foreign))).toThrow(
      'disk: expected "glm52 session 2\\n" at its start, got "GGUF and more by"',
    );
    const other = { ...ABOUT, pageBytes: 4, made: { ...ABOUT.made, weights: "x" } };
    expect(() => SavedSession.open(disk(journal), other)).toThrow(
      'disk: pageBytes is 4 in session.json, 1344 in the journal; made.weights is "x" in session.json, "w" in the journal',
    );
  });

  it("tells its counts in its last bytes, however long it is", () => {
    const long = wholeJournal({ ...states[2], text: Array(100_000).fill(5) }, ABOUT).bytes;
    let nRead = 0;
    const source = {
      name: "long",
      journalBytes: () => long.length,
      readJournal: (offset: number, target: Uint8Array) => {
        target.set(long.subarray(offset, offset + target.length));
        nRead += target.length;
        return target.length;
      },
    };
    const counts = { nRecords: 1, nIds: 100_000, nPending: 99_997, nPages: 1 };
    expect(glance(source)).toEqual(counts);
    expect([long.length > 200_000, nRead < 2 ** 18 + 100]).toEqual([true, true]);
  });
});

describe("a journal of version 0.1", () => {
  const fingerprint = fingerprintHash(ABOUT.made);
  const base = { fingerprint, nTokensKept: 0, nPagesKept: 0, pages: [], pending: [] };
  const olds: readonly OldChange[] = [
    { ...base, tokens: [1, 2, 3], pending: [4, 5], pages: [{ slot: 0, crc: 9 }], note: { n: 1 } },
    { ...base, nTokensKept: 2, tokens: [7], pages: [{ slot: 1, crc: 8 }], note: { n: 2 } },
    { ...base, nTokensKept: 3, nPagesKept: 1, tokens: [8], note: { n: 3 } },
  ];
  const old = oldJournal(olds);

  it("is read, and written as one of today with the next commit", () => {
    const found = recover(disk(old));
    expect(found).toMatchObject({ nRecords: 3, isOld: true, fingerprint, rest: {} });
    expect(found.state).toMatchObject({ text: [1, 2, 7, 8], nRun: 4, note: { n: 3 } });
    expect(recover(disk(oldJournal(olds.slice(0, 1)))).state.text).toEqual([1, 2, 3, 4, 5]);
    expect(glance(disk(old))).toEqual({ nRecords: 3, nIds: 4, nPending: 0, nPages: 1 });
    expect(() => SavedSession.open(disk(old), { ...ABOUT, made: {} })).toThrow("the journal has");

    const place = disk(oldJournal([]));
    const saved = SavedSession.open(place, ABOUT);
    const session = new Session(tinyModel({}, referenceOps()), { rows: { pageRows: 4 } });
    session.append([1, 2, 3]);
    saved.commit(session, { pending: [9] });
    expect(recover(place)).toMatchObject({ isOld: false, state: { text: [1, 2, 3, 9], nRun: 3 } });
  });

  it("cut anywhere is an earlier state, and with any bit flipped never another", () => {
    const oldStates = olds.map((_, i) =>
      JSON.stringify(recover(disk(oldJournal(olds.slice(0, i + 1)))).state),
    );
    const isEarlier = (bytes: Uint8Array) => {
      const { state, nRecords, rest } = recover(disk(bytes));
      if (nRecords > 0) expect(JSON.stringify(state)).toBe(oldStates[nRecords - 1]);
      return { nRecords, rest };
    };
    for (let n = 17; n < old.length; n++) {
      const { nRecords, rest } = isEarlier(old.subarray(0, n));
      const isBetween = [1, 2].some((i) => oldJournal(olds.slice(0, i)).length === n);
      const kind = isBetween ? "nothing" : nRecords === 0 ? "damaged" : "torn";
      expect(rest.kind).toBe(kind);
    }
    const starts = [0, 1, 2].map((i) => oldJournal(olds.slice(0, i)).length);
    for (let bit = 8 * 16; bit < 8 * old.length; bit++) {
      const bad = old.slice();
      bad[bit >> 3] ^= 1 << (bit & 7);
      const { rest, nRecords } = isEarlier(bad);
      expect(nRecords).toBe(starts.filter((start) => start <= bit >> 3).length - 1);
      // Only of the last record it may seem that it was being written.
      if (nRecords < 2) expect(rest.kind).toBe("damaged");
      else expect(rest.kind).not.toBe("nothing");
    }
  });
});

describe("pages", () => {
  it("any flipped byte of a page is refused, with its number", () => {
    const place = new CrashingDisk();
    const model = tinyModel({}, referenceOps());
    const options = { rows: { pageRows: 4 } };
    const session = new Session(model, options);
    session.append([1, 2, 3, 4, 5, 6]);
    const pageBytes = session.pageBytes(0).length;
    expect(pageBytes).toBe(ABOUT.pageBytes);
    const saved = SavedSession.open(place, ABOUT);
    saved.commit(session, { pending: [] });
    expect(saved.damage()).toEqual([]);
    for (let i = 0; i < pageBytes; i += 7) {
      place.pages[4096 + i] ^= 16;
      const twin = new Session(model, options);
      expect(() => saved.restore(twin)).toThrow(
        /^disk: page 1: expected checksum [0-9a-f]{8}, its/,
      );
      expect(twin.tokens).toEqual([]);
      expect(saved.damage()).toMatchObject([{ page: 1 }]);
      place.pages[4096 + i] ^= 16;
    }
    saved.cut(1);
    const cut = SavedSession.open(place, ABOUT);
    expect([cut.state.nRun, cut.text]).toEqual([4, [1, 2, 3, 4, 5, 6]]);
    const rest = new Session(model, options);
    cut.restore(rest);
    expect(rest.append(cut.text.slice(4))).toEqual(session.lastLogits);
    saved.commit(session, { pending: [] });
    place.pages = place.pages.subarray(0, 5000 - 1000);
    expect(() => saved.restore(new Session(model, options))).toThrow("page 1: expected");
  });
});
