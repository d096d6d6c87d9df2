/** Tests that long sessions cost bytes in proportion to what is new, and are read in pieces. */
import { describe, expect, it } from "vitest";
import { MARK_BYTES } from "../../../tools/sessions/journal.ts";
import { glance, recover } from "../../../tools/sessions/journal-reader.ts";
import { type Keepable, SavedSession } from "../../../tools/sessions/saved-session.ts";
import { ABOUT, CrashingDisk } from "./crashing-disk.ts";

/** A disk that counts what is written to the journal, and how much of it is read at a time. */
class CountingDisk extends CrashingDisk {
  nWritten = 0;
  mostRead = 0;
  nRead = 0;

  override writeJournal(offset: number, bytes: Uint8Array): void {
    this.nWritten += bytes.length;
    this.#put(offset, bytes);
  }

  override replaceJournal(bytes: Uint8Array): void {
    this.nWritten += bytes.length;
    this.journal = bytes.slice();
  }

  override writePages(): void {}

  override readJournal(offset: number, target: Uint8Array): number {
    this.mostRead = Math.max(this.mostRead, target.length);
    this.nRead += target.length;
    return super.readJournal(offset, target);
  }

  #put(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.journal.length) {
      const longer = new Uint8Array(end);
      longer.set(this.journal);
      this.journal = longer;
    }
    this.journal.set(bytes, offset);
  }
}

const VOCABULARY = 1000;
const PAGE_BYTES = new Uint8Array(16);

/** A session that has run these tokens, as far as saving is concerned. */
function keepable(tokens: readonly number[]): Keepable {
  const layout = { format: { pageRows: ABOUT.pageRows } };
  return {
    tokens,
    pool: { layout } as Keepable["pool"],
    pageBytes: () => PAGE_BYTES,
    restore: () => {},
    model: { config: { vocabSize: VOCABULARY }, ops: { precision: "f32" } },
  };
}

describe("a session of a million tokens", () => {
  const MILLION = 2 ** 20;
  const ids = Array.from({ length: MILLION }, (_, i) => (7919 * i) % 154_880);
  const disk = new CountingDisk();
  const saved = SavedSession.open(disk, ABOUT);

  it("costs the ids of its prompt once, and few bytes for each commit after that", () => {
    const commit = (nRun: number, text: readonly number[]): number => {
      const before = disk.nWritten;
      saved.commit(keepable(text.slice(0, nRun)), { pending: text.slice(nRun), note: "n" });
      return disk.nWritten - before;
    };
    const first = commit(0, ids);
    expect(first).toBeGreaterThan(6 * MILLION);
    expect(first).toBeLessThan(7 * MILLION);
    // While the prompt is read, a commit names the pages that were filled: less than 20 bytes each.
    for (let nRun = 2 ** 16; nRun <= MILLION; nRun += 2 ** 16) {
      expect(commit(nRun, ids)).toBeLessThan((20 * 2 ** 16) / ABOUT.pageRows + 200);
    }
    for (let n = 1; n <= 20; n++) {
      ids.push(n);
      expect(commit(ids.length, ids)).toBeLessThan(150);
    }
  });

  it("is read again in pieces, and described from its last bytes", () => {
    disk.mostRead = 0;
    const { state, rest } = recover(disk);
    expect(rest.kind).toBe("nothing");
    expect([state.text.length, state.nRun]).toEqual([ids.length, ids.length]);
    expect(state.text.every((id, i) => id === ids[i])).toBe(true);
    expect(disk.mostRead).toBeLessThan(7 * MILLION); // the one record of the prompt
    disk.nRead = 0;
    expect(glance(disk)).toMatchObject({ nIds: ids.length, nPending: 0 });
    expect(disk.nRead).toBeLessThan(2 * (16 + MARK_BYTES) + 2 ** 18);
  });
});

describe("a long conversation", () => {
  it("writes each message once, and its journal does not outgrow it", () => {
    const disk = new CountingDisk();
    const saved = SavedSession.open(disk, ABOUT);
    const messages: { role: string; content: string }[] = [];
    const tokens: number[] = [];
    const logits = new Float32Array(VOCABULARY);
    let longest = 0;
    let most = 0;
    for (let n = 0; n < 2000; n++) {
      messages.push({ role: "user", content: `message ${n} `.repeat(4) });
      tokens.push(n);
      logits.fill(n);
      const before = disk.nWritten;
      const note = { messages, nTurns: n };
      saved.commit(keepable([...tokens]), { pending: [], logits, note });
      const isAnew = disk.nWritten - before > disk.journal.length / 2;
      if (n > 100 && !isAnew) most = Math.max(most, disk.nWritten - before);
      longest = Math.max(longest, disk.journal.length);
    }
    expect(most).toBeLessThan(6000); // 5,336 bytes are the logits
    expect(longest).toBeLessThan(6e6); // not 2000 times the logits, which are 10 MB
    const again = SavedSession.open(disk, ABOUT);
    expect(again.state.note).toEqual({ messages, nTurns: 1999 });
    expect(again.text).toEqual(tokens);
  });
});
