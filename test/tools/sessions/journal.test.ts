/** Tests that torn, foreign or damaged bytes of a journal never give a state that was not saved. */
import { describe, expect, it } from "vitest";
import { referenceOps, Session } from "../../../engine/index.ts";
import {
  emptyJournal,
  record,
  recover,
  SavedSessionError,
  type SavedState,
  wholeJournal,
} from "../../../tools/sessions/journal.ts";
import { SavedSession } from "../../../tools/sessions/saved-session.ts";
import { tinyModel } from "../../support/tiny-model.ts";
import { CrashingDisk } from "./crashing-disk.ts";

const first: SavedState = {
  fingerprint: "f",
  tokens: [1, 2, 3],
  pending: [4],
  pages: [{ slot: 0, crc: 9 }],
};
const second: SavedState = {
  ...first,
  tokens: [1, 2, 7],
  pending: [],
  pages: [{ slot: 1, crc: 8 }],
  note: "n",
};
const { bytes: start, crc } = wholeJournal(first);
const journal = Uint8Array.from([
  ...start,
  ...record({ ...second, tokens: [7], nTokensKept: 2, nPagesKept: 0 }, crc).bytes,
]);

describe("a journal", () => {
  it("is its records, each applied to the one before", () => {
    expect(recover("j", emptyJournal())).toEqual({
      state: undefined,
      nRecords: 0,
      crc: 0,
      nDropped: 0,
    });
    expect(recover("j", start)).toEqual({ state: first, nRecords: 1, crc, nDropped: 0 });
    expect(recover("j", journal)).toMatchObject({ state: second, nRecords: 2, nDropped: 0 });
    expect(recover("j", wholeJournal(second).bytes).state).toEqual(second);
  });

  it("cut anywhere is an earlier state, and says how much is lost", () => {
    for (let n = emptyJournal().length; n < journal.length; n++) {
      const { state, nDropped } = recover("j", journal.subarray(0, n));
      expect(state).toEqual(n < start.length ? undefined : first);
      expect(nDropped).toBe(n - (n < start.length ? emptyJournal().length : start.length));
    }
  });

  it("takes no record for which the one before is missing", () => {
    const orphan = Uint8Array.from([...emptyJournal(), ...journal.subarray(start.length)]);
    expect(recover("j", orphan)).toMatchObject({ state: undefined, nRecords: 0 });
  });

  it("with any bit flipped is refused or an earlier state with bytes left over", () => {
    for (let bit = 0; bit < 8 * journal.length; bit++) {
      const bad = journal.slice();
      bad[bit >> 3] ^= 1 << (bit & 7);
      if (bit >> 3 < emptyJournal().length) {
        expect(() => recover("j", bad)).toThrow(SavedSessionError);
        continue;
      }
      const { state, nDropped } = recover("j", bad);
      expect(state).toEqual(bit >> 3 < start.length ? undefined : first);
      expect(nDropped).toBeGreaterThan(0);
    }
  });

  it("of something else is refused with both sides", () => {
    const foreign = new TextEncoder().encode("GGUF and more bytes than that");
    expect(() => recover("j", foreign)).toThrow(
      'j: expected "glm52 session 1\\n" at its start, got "GGUF and more by"',
    );
    const disk = new CrashingDisk(journal);
    expect(() => SavedSession.open(disk, "g")).toThrow("expected fingerprint g, the journal has f");
  });
});

describe("pages", () => {
  it("any flipped byte of a page is refused, with its number", () => {
    const disk = new CrashingDisk();
    const model = tinyModel({}, referenceOps());
    const options = { rows: { pageRows: 4 } };
    const session = new Session(model, options);
    session.append([1, 2, 3, 4, 5, 6]);
    const saved = SavedSession.open(disk, "f");
    saved.commit(session, { pending: [] });
    const pageBytes = session.pageBytes(0).length;
    expect(saved.damage(pageBytes)).toEqual([]);
    for (let i = 0; i < pageBytes; i += 7) {
      disk.pages[4096 + i] ^= 16;
      const twin = new Session(model, options);
      expect(() => saved.restore(twin)).toThrow(
        /^disk: page 1: expected checksum [0-9a-f]{8}, its/,
      );
      expect(twin.tokens).toEqual([]);
      expect(saved.damage(pageBytes)).toMatchObject([{ page: 1 }]);
      disk.pages[4096 + i] ^= 16;
    }
    saved.cut(1, 4);
    const cut = SavedSession.open(disk, "f");
    expect([cut.state.tokens, cut.state.pending]).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
    const rest = new Session(model, options);
    cut.restore(rest);
    expect(rest.append(cut.state.pending)).toEqual(session.lastLogits);
    saved.commit(session, { pending: [] });
    disk.pages = disk.pages.subarray(0, 5000 - 1000);
    expect(() => saved.restore(new Session(model, options))).toThrow("page 1: expected");
  });
});
