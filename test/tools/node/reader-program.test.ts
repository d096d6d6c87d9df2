/** What a reading thread does, step by step, over a file system that is made up. */
import { describe, expect, it } from "vitest";
import { checksum } from "../../../engine/kv/checksum.ts";
import { isAllFinite } from "../../../engine/numbers/all-finite.ts";
import { READ_BLOCK } from "../../../engine/stream/read-store.ts";
import {
  bytesOf,
  failureOf,
  type ReadJob,
  readBatch,
  resultsOf,
} from "../../../tools/node/read-batch.ts";
import {
  BATCH,
  CHECK_NUMBERS,
  PIECE_NUMBERS,
  READERS,
  type ReadBatch,
  type ReaderData,
  type ReaderMessage,
  type ReaderTools,
  STATE,
  serveReads,
} from "../../../tools/node/reader-program.ts";

const DIRECT = 64;
const SIZE = 10 * READ_BLOCK + 100;
const CONTENT = Uint8Array.from({ length: SIZE }, (_, i) => (i * 2654435761) >>> 13);

/** What the file system does wrong. */
interface Faults {
  /** Refuses O_DIRECT when the file is opened, or when it is read. */
  readonly refuses?: "open" | "read";
  /** The bytes that one call reads at most. */
  readonly atMost?: number;
  /** Where the disk is broken. */
  readonly brokenAt?: number;
}

/** An error of the system. */
const systemError = (code: string): Error => Object.assign(new Error(`${code}: made up`), { code });

/** A thread that makes a step when it is told to. */
class Stepped {
  readonly words = new Int32Array(new SharedArrayBuffer(4 * (READERS.states + 1)));
  /** Offset, length and whether past the cache, of all calls that read. */
  readonly calls: [number, number, boolean][] = [];
  readonly memory = new SharedArrayBuffer(32 * READ_BLOCK);
  readonly #steps: (() => void)[] = [];
  #tell: (message: ReaderMessage) => void = () => {};
  #isNew = true;

  constructor(faults: Faults = {}, lookEvery = 1) {
    const isDirect: boolean[] = [];
    const fs = {
      openSync: (_: string, flags: number) => {
        if (flags & DIRECT && faults.refuses === "open") throw systemError("EINVAL");
        return isDirect.push((flags & DIRECT) !== 0) - 1;
      },
      closeSync: () => {},
      readSync: (file: number, target: Uint8Array, _: number, length: number, offset: number) => {
        this.calls.push([offset, length, isDirect[file]]);
        if (isDirect[file]) {
          if (faults.refuses === "read") throw systemError("EINVAL");
          const places = [offset, length, target.byteOffset];
          expect(places.map((place) => place % READ_BLOCK)).toEqual([0, 0, 0]);
        }
        const found = CONTENT.subarray(offset, offset + Math.min(length, faults.atMost ?? length));
        const { brokenAt = Number.POSITIVE_INFINITY } = faults;
        if (offset <= brokenAt && brokenAt < offset + found.length) throw systemError("EIO");
        target.set(found);
        return found.length;
      },
    };
    const port = {
      on: (_: string, listener: (message: ReaderMessage) => void) => {
        this.#tell = listener;
      },
      postMessage: () => {},
    };
    const data: ReaderData = {
      ...{ words: this.words, reader: 0, files: [], lookEvery },
      block: READ_BLOCK,
      places: { BATCH, READERS, STATE, PIECE_NUMBERS, CHECK_NUMBERS },
    };
    serveReads(data, {
      ...{ fs, port, checksum, isAllFinite },
      process: { on: () => {} },
      setImmediate: (step: () => void) => this.#steps.push(step),
    } as unknown as ReaderTools);
  }

  begin(jobs: readonly ReadJob[], isGuess = false): ReadBatch {
    const batch = readBatch(jobs, isGuess, () => 0);
    const file = { path: "file", flags: 0, directFlag: DIRECT };
    const told = this.#isNew
      ? { files: [file], buffers: [this.memory] }
      : { files: [], buffers: [] };
    this.#isNew = false;
    this.#tell({ ...told, batch });
    return batch;
  }

  /** A read into memory at `room` blocks from its beginning. */
  job(offset: number, length: number, room = 0, checks: ReadJob["checks"] = []): ReadJob {
    const at = room * READ_BLOCK + (offset % READ_BLOCK);
    return { file: 0, offset, target: new Uint8Array(this.memory, at, length), checks };
  }

  /** Makes one step, or all. */
  step(): boolean {
    this.#steps.shift()?.();
    return this.#steps.length > 0;
  }
  run(): void {
    while (this.step());
  }
}

const isRight = ({ target, offset }: ReadJob): boolean =>
  Buffer.compare(target, CONTENT.subarray(offset, offset + target.length)) === 0;

describe("a reader", () => {
  it("takes demand before guesses, also one that comes later", () => {
    const reader = new Stepped();
    reader.begin(
      [0, 1, 2].map((i) => reader.job(i * READ_BLOCK, READ_BLOCK, i)),
      true,
    );
    reader.step();
    reader.begin([
      reader.job(5 * READ_BLOCK, READ_BLOCK, 5),
      reader.job(4 * READ_BLOCK, READ_BLOCK, 4),
    ]);
    const late = reader.begin([reader.job(7 * READ_BLOCK, READ_BLOCK, 7)], true);
    reader.step();
    Atomics.store(late.words, BATCH.isGuess, 0); // somebody waits for it now
    reader.run();
    const order = reader.calls.map(([offset]) => offset / READ_BLOCK);
    expect(order).toEqual([0, 5, 4, 7, 1, 2]);
    expect(reader.words[READERS.states]).toBe(STATE.idle);
    expect(reader.words[READERS.progress]).toBe(6);
  });

  it("does not begin what was cancelled", () => {
    const reader = new Stepped();
    const jobs = [0, 1, 2].map((i) => reader.job(i * READ_BLOCK, 10, i));
    const batch = reader.begin(jobs);
    reader.step();
    const taken = Atomics.add(batch.words, BATCH.taken, 2 ** 30);
    reader.run();
    expect(taken).toBe(1);
    expect(bytesOf(batch, taken)).toBe(10);
    expect(jobs.map(isRight)).toEqual([true, false, false]);
    expect(batch.words[BATCH.finished]).toBe(1);
  });

  for (const atMost of [READ_BLOCK, 5000, 2 * READ_BLOCK - 1]) {
    it(`goes on where a call brought less, at most ${atMost} bytes`, () => {
      const reader = new Stepped({ atMost });
      const jobs = [reader.job(100, SIZE - 100), reader.job(READ_BLOCK + 7, 9000, 20)];
      const batch = reader.begin(jobs);
      reader.run();
      expect(failureOf(batch, jobs)).toBeUndefined();
      expect(jobs.map(isRight)).toEqual([true, true]);
      expect(reader.words[READERS.isRefused]).toBe(0);
    });
  }

  it("tells how many bytes came when the file ends", () => {
    for (const [offset, length] of [
      [SIZE - 10, 11],
      [SIZE - 2 * READ_BLOCK - 3, 3 * READ_BLOCK],
      [SIZE, 1],
      [SIZE + 3 * READ_BLOCK, 9],
    ]) {
      const reader = new Stepped();
      const jobs = [reader.job(0, 10), reader.job(offset, length, 8), reader.job(5, 5, 20)];
      const batch = reader.begin(jobs);
      reader.run();
      expect(failureOf(batch, jobs)).toEqual({ read: 1, got: Math.max(0, SIZE - offset) });
      expect(batch.words[BATCH.finished]).toBe(3);
    }
  });

  for (const refuses of ["open", "read"] as const) {
    it(`reads through the cache when ${refuses} refuses`, () => {
      const reader = new Stepped({ refuses });
      const jobs = [reader.job(1, 9), reader.job(READ_BLOCK + 7, 9000, 4)];
      const batch = reader.begin(jobs);
      reader.run();
      expect(failureOf(batch, jobs)).toBeUndefined();
      expect(jobs.map(isRight)).toEqual([true, true]);
      expect(reader.words[READERS.isRefused]).toBe(1);
      const buffered = reader.calls.filter(([, , isDirect]) => !isDirect);
      expect(buffered).toEqual([
        [1, 9, false],
        [READ_BLOCK + 7, 9000, false],
      ]);
      expect(reader.calls.length - buffered.length).toBe(refuses === "read" ? 1 : 0);
    });
  }

  it("tells what the system says, and reads nothing more of that batch", () => {
    const reader = new Stepped({ brokenAt: 3 * READ_BLOCK });
    const jobs = [0, 3, 5].map((i) => reader.job(i * READ_BLOCK, 10, i));
    const batch = reader.begin(jobs);
    const other = reader.begin([reader.job(7 * READ_BLOCK, 10, 7)]);
    reader.run();
    expect(failureOf(batch, jobs)).toEqual({ read: 1, text: "EIO: made up" });
    expect(reader.calls.map(([offset]) => offset / READ_BLOCK)).toEqual([0, 3, 7]);
    expect(batch.words[BATCH.finished]).toBe(3);
    expect(failureOf(other, jobs)).toBeUndefined();
  });

  it("checks what has come", () => {
    const reader = new Stepped();
    const exponents = { mask: 0x7f7f7f7f, one: 0x01010101, step: 4 };
    const nan = CONTENT.findIndex((byte) => (byte & 127) === 127);
    const jobs = [
      reader.job(0, 50, 0),
      reader.job(3, 5000, 1, [
        { at: 0, length: nan - 3, exponents },
        { at: 0, length: nan - 2, exponents },
        { at: 0, length: nan - 2 },
        { at: 1000, length: 4000 },
      ]),
    ];
    const batch = reader.begin(jobs);
    reader.run();
    const view = new DataView(CONTENT.buffer);
    expect(resultsOf(batch)).toEqual([
      { checksum: checksum(view, 3, nan - 3), isFinite: true },
      { checksum: checksum(view, 3, nan - 2), isFinite: false },
      { checksum: checksum(view, 3, nan - 2), isFinite: true },
      { checksum: checksum(view, 1003, 4000), isFinite: true },
    ]);
  });
});
