/** Reads of the files of a model that is larger than memory: the same bytes in all ways, and named errors. */
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "../../../engine/generate/random.ts";
import { checksum } from "../../../engine/kv/checksum.ts";
import { READ_BLOCK, type StoredRead } from "../../../engine/stream/read-store.ts";
import { WeightsError } from "../../../engine/weights/weights-error.ts";
import { ReaderError } from "../../../tools/node/readers.ts";
import type { Receipt, TensorReceipt } from "../../../tools/node/receipt.ts";
import { sharedPages } from "../../../tools/node/shared-pages.ts";
import {
  type StreamFiles,
  type StreamOptions,
  streamFiles,
} from "../../../tools/node/stream-files.ts";

/** Longer than a piece of a read, and no multiple of anything. */
const SIZES = { large: 3 * 2 ** 22 + 777, small: 1001 } as const;
type Name = keyof typeof SIZES;

const folder = mkdtempSync(join(tmpdir(), "stream-"));
const contents = {} as Record<Name, Uint8Array>;
const random = seededRandom(11);
const below = (n: number): number => Math.floor(random() * n);

beforeAll(() => {
  for (const name of Object.keys(SIZES) as Name[]) {
    contents[name] = Uint8Array.from({ length: SIZES[name] }, (_, i) => (i * 2654435761) >>> 13);
    writeFileSync(join(folder, name), contents[name]);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Memory for one read after another, each at the place that its offset asks for. */
class Room {
  readonly bytes: Uint8Array;
  #end = 0;

  constructor(buffer: ArrayBufferLike) {
    this.bytes = new Uint8Array(buffer).fill(0xa5);
  }

  read(file: string, offset: number, length: number): StoredRead {
    const begin = this.#end + (offset % READ_BLOCK);
    this.#end = Math.ceil((begin + length) / READ_BLOCK) * READ_BLOCK;
    return { file, offset, target: this.bytes.subarray(begin, begin + length) };
  }

  /** Whether nothing was written but the blocks of these reads. */
  isCleanAround(reads: readonly StoredRead[]): boolean {
    let at = 0;
    for (const { target } of reads) {
      const begin = target.byteOffset - (target.byteOffset % READ_BLOCK);
      if (!this.bytes.subarray(at, begin).every((byte) => byte === 0xa5)) return false;
      at =
        target.length === 0
          ? begin
          : Math.ceil((target.byteOffset + target.length) / READ_BLOCK) * READ_BLOCK;
    }
    return this.bytes.subarray(at, at + 10 * READ_BLOCK).every((byte) => byte === 0xa5);
  }
}

async function using<T>(
  options: StreamOptions,
  use: (files: StreamFiles) => T,
  at = folder,
): Promise<Awaited<T>> {
  const files = await streamFiles(at, options);
  try {
    return await use(files);
  } finally {
    await files.close();
  }
}

/** Extents of both files: the first and the last bytes, nothing, all, one block, and any. */
const extents = (): [Name, number, number][] => [
  ["large", 0, 1],
  ["large", SIZES.large - 1, 1],
  ["large", SIZES.large, 0],
  ["large", 17, 0],
  ["large", 0, SIZES.large],
  ["large", READ_BLOCK, READ_BLOCK],
  ["large", READ_BLOCK - 1, 2],
  ["small", 0, SIZES.small],
  ["small", 1000, 1],
  ...Array.from({ length: 12 }, (): [Name, number, number] => {
    const offset = below(SIZES.large);
    return ["large", offset, below(SIZES.large - offset)];
  }),
];

/** Whether O_DIRECT works in this folder, found out without the code that is tested. */
function worksDirectly(): boolean {
  const { O_RDONLY, O_DIRECT } = constants as { O_RDONLY: number; O_DIRECT?: number };
  if (O_DIRECT === undefined) return false;
  try {
    const file = openSync(join(folder, "large"), O_RDONLY | O_DIRECT);
    readSync(file, new Uint8Array(sharedPages(READ_BLOCK), 0, READ_BLOCK), 0, READ_BLOCK, 0);
    closeSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Compares what was read with the files. */
function expectBytes(reads: readonly StoredRead[]): void {
  for (const { file, offset, target } of reads) {
    const want = contents[file as Name].subarray(offset, offset + target.length);
    expect(Buffer.compare(target, want)).toBe(0);
  }
}

describe("reads", () => {
  for (const readers of [1, 2, 4]) {
    for (const direct of [true, false]) {
      it(`bring the bytes of the file: ${readers} at a time, direct ${direct}`, () =>
        using({ readers, direct }, (files) => {
          const room = new Room(sharedPages(2 ** 28));
          const reads = extents().map((extent) => room.read(...extent));
          const batches = [reads.slice(0, 9), reads.slice(9, 10), reads.slice(10)];
          const underWay = batches.map((batch, i) => files.begin(batch, i === 0));
          for (const batch of underWay) batch.wait();
          expectBytes(reads);
          expect(room.isCleanAround(reads)).toBe(true);
          const bytes = reads.reduce((sum, { target }) => sum + target.length, 0);
          expect(files.counts).toMatchObject({ bytes, reads: reads.length });
          const isDirect = direct && worksDirectly();
          expect(files.how.startsWith(isDirect ? "O_DIRECT, " : "buffered, ")).toBe(true);
          expect(underWay.every(({ isDone }) => isDone)).toBe(true);
        }));
    }
  }

  it("go through the cache where the system refuses O_DIRECT", () =>
    using({}, (files) => {
      // This memory begins some bytes behind a page, which most disks do not take.
      const room = new Room(new SharedArrayBuffer(2 ** 28));
      const reads = extents().map((extent) => room.read(...extent));
      files.begin(reads).wait();
      expectBytes(reads);
      expect(files.how).toMatch(/^(buffered, because .*|O_DIRECT), 2 readers$/);
    }));

  it("into memory that threads do not share are done at once", () =>
    using({}, (files) => {
      const room = new Room(new ArrayBuffer(2 ** 28));
      const reads = extents().map((extent) => room.read(...extent));
      const underWay = files.begin(reads);
      expectBytes(reads);
      expect(files.how).toBe("buffered, because this backend's memory is not shared with readers");
      expect(underWay.isDone).toBe(true);
      underWay.wait();
      underWay.cancel();
      expect(files.counts.reads).toBe(reads.length);
      // A guess delays nothing: it is read when somebody wants it, or never.
      const guess = files.begin([room.read("small", 0, 10)], true);
      files.begin([room.read("small", 0, 10)], true).cancel();
      expect([guess.isDone, files.counts.reads]).toEqual([false, reads.length]);
      guess.wait();
      expect([guess.isDone, files.counts.reads]).toEqual([true, reads.length + 1]);
    }));

  it("that are cancelled write nothing more", () =>
    using({ readers: 1 }, async (files) => {
      const room = new Room(sharedPages(2 ** 28));
      const wanted = [room.read("large", 0, SIZES.large)];
      const guessed = Array.from({ length: 8 }, () => room.read("large", 5, SIZES.large - 5));
      const demand = files.begin(wanted);
      const guess = files.begin(guessed, true);
      guess.cancel();
      const after = guessed.map(({ target }) => checksumOf(target));
      demand.wait();
      expectBytes(wanted);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(guessed.map(({ target }) => checksumOf(target))).toEqual(after);
      guess.cancel();
      expect(guess.isDone).toBe(true);
      expect(files.counts.reads).toBe(1);
      const again = files.begin(guessed);
      again.wait();
      again.cancel();
      expectBytes(guessed);
    }));

  it("know what is finite where a receipt says it of every byte", () => {
    const receipt = receiptOf("large", [
      ["a", 100, 900],
      ["b", 1000, 2000],
    ]);
    return using({ receipt }, (files) => {
      const isKnown = (offset: number, length: number) =>
        files.isKnownFinite?.("large", offset, length);
      expect([isKnown(100, 900), isKnown(1000, 2000), isKnown(100, 2900)]).toEqual([
        ...[true, true, true],
      ]);
      // A part of a block, bytes before and behind, and a file of which nothing is known.
      expect([isKnown(100, 899), isKnown(101, 899), isKnown(100, 901)]).toEqual([
        ...[false, false, false],
      ]);
      const room = new Room(sharedPages(2 ** 16));
      files.begin([room.read("large", 100, 2000)]).wait();
      expect(files.counts.compared).toBe(900);
    });
  });

  it("want memory that lies as the file does", () =>
    using({}, (files) => {
      const buffer = sharedPages(65536);
      const begin = (at: number, length: number, offset: number) =>
        files.begin([{ file: "small", offset, target: new Uint8Array(buffer, at, length) }]);
      expect(() => begin(8, 100, 0)).toThrow(RangeError);
      begin(65536 - READ_BLOCK + 8, 100, 8).wait();
      const short = new SharedArrayBuffer(100);
      const target = new Uint8Array(short);
      expect(() => files.begin([{ file: "small", offset: 0, target }])).toThrow(RangeError);
    }));
});

/** The error of reading this, in a folder of its own that `spoil` may change between two reads. */
async function errorOf(
  read: readonly [string, number, number],
  spoil: (path: string) => void,
  {
    isShared = true,
    isOpen = true,
    ...options
  }: StreamOptions & { isShared?: boolean; isOpen?: boolean } = {},
): Promise<unknown> {
  const own = mkdtempSync(join(folder, "own-"));
  const path = join(own, "large");
  writeFileSync(path, contents.large);
  return using(
    options,
    (files) => {
      const room = new Room(isShared ? sharedPages(2 ** 25) : new ArrayBuffer(2 ** 25));
      // This opens the file, also in the thread that reads.
      if (isOpen) files.begin([room.read("large", 0, 10)]).wait();
      spoil(path);
      try {
        files.begin([room.read(...read)]).wait();
      } catch (error) {
        return error;
      }
      return undefined;
    },
    own,
  );
}

describe("errors name the file and the place", () => {
  const half = SIZES.large >> 1;
  const all = ["large", 9, SIZES.large - 9] as const;

  for (const isShared of [true, false]) {
    for (const direct of [true, false]) {
      const options = { isShared, direct, readers: 1 };
      const ways = `shared ${isShared}, direct ${direct}`;

      it(`of a file that is too short: ${ways}`, async () => {
        const shrunk = await errorOf(all, (path) => truncateSync(path, half), options);
        expect(shrunk).toBeInstanceOf(WeightsError);
        expect(String(shrunk)).toContain(
          `large: expected ${SIZES.large - 9} bytes at 9, got ${half - 9}`,
        );
        const beyond = ["large", SIZES.large - 1, 2] as const;
        const error = await errorOf(beyond, () => {}, { ...options, isOpen: false });
        expect(String(error)).toContain(`expected 2 bytes at ${SIZES.large - 1}, got 1`);
      });
    }

    it(`of a flipped bit, with a receipt: shared ${isShared}`, async () => {
      const receipt = receiptOf("large", [
        ["first", 100, 2 ** 24 - 101],
        ["b", 2 ** 23, 1001],
        ["c", 2 ** 23 + 1001, 5000],
      ]);
      const read = ["large", 2 ** 23 - 3, 7000] as const;
      const options = { isShared, receipt };
      expect(await errorOf(read, () => {}, options)).toBeUndefined();
      const flip = (path: string, at: number) => {
        const bytes = readFileSync(path);
        bytes[at] ^= 64;
        writeFileSync(path, bytes);
      };
      const last = 2 ** 23 + 6000;
      const error = await errorOf(read, (path) => flip(path, last), options);
      expect(error).toBeInstanceOf(WeightsError);
      expect(String(error)).toMatch(`large: c, 5000 bytes at ${2 ** 23 + 1001}: expected checksum`);
      // Behind the block, no tensor that the read covers is changed.
      expect(await errorOf(read, (path) => flip(path, last + 1), options)).toBeUndefined();
    });
  }

  it("of a receipt whose header is another", async () => {
    const receipt = receiptOf("large", [["first", 100, 4000]]);
    const flip = (path: string) => {
      const bytes = readFileSync(path);
      bytes[99] ^= 1;
      writeFileSync(path, bytes);
    };
    const error = await errorOf(["large", 200, 9], flip, { receipt, isOpen: false });
    expect(String(error)).toContain("large: its header is not that of the receipt");
  });

  it("of a file that is missing, is none, or is a path", async () => {
    const missing = await errorOf(["other", 0, 1], () => {});
    expect(missing).toBeInstanceOf(WeightsError);
    expect(String(missing)).toContain("other: no such file");
    const path = await errorOf(["../large", 0, 1], () => {});
    expect(String(path)).toContain("expected a name, got a path");
    const gone = await errorOf(["large", 0, 1], (file) => unlinkSync(file), { isOpen: false });
    expect(String(gone)).toContain("large: no such file");
    const isFolder = (file: string) => {
      unlinkSync(file);
      mkdirSync(file);
    };
    const none = await errorOf(["large", 0, 1], isFolder, { isOpen: false });
    expect(String(none)).toContain("expected a regular file, got a folder");
  });

  it("of a file that was replaced before a reader opened it", async () => {
    const own = mkdtempSync(join(folder, "own-"));
    writeFileSync(join(own, "a"), contents.small);
    writeFileSync(join(own, "b"), contents.small);
    await using(
      { readers: 1 },
      (files) => {
        // Memory that is not shared is read without the reader, which has not opened the file then.
        files.begin([new Room(new ArrayBuffer(2 ** 16)).read("a", 0, 10)]).wait();
        renameSync(join(own, "b"), join(own, "a"));
        const read = new Room(sharedPages(2 ** 16)).read("a", 0, 10);
        const underWay = files.begin([read]);
        expect(() => underWay.wait()).toThrow(WeightsError);
        expect(() => underWay.wait()).toThrow("a: reading 10 bytes at 0: the file was replaced");
      },
      own,
    );
  });

  it("of a receipt that is for another file", async () => {
    const receipt = receiptOf("large", []);
    const error = await errorOf(["large", 0, 9], (path) => truncateSync(path, half), {
      receipt,
      isOpen: false,
    });
    expect(String(error)).toContain(`expected ${SIZES.large} bytes by the receipt, got ${half}`);
    await using({ receipt }, (files) => {
      const read = new Room(sharedPages(2 ** 16)).read("small", 0, 10);
      expect(() => files.begin([read])).toThrow("small: the receipt does not name it");
    });
  });
});

describe("a reader that ends", () => {
  /** Starts to read, and hands out the threads. */
  async function withThreads(
    options: StreamOptions,
    use: (files: StreamFiles, threads: readonly Worker[]) => Promise<void>,
  ): Promise<void> {
    const threads: Worker[] = [];
    const collect = (thread: Worker) => threads.push(thread);
    process.on("worker", collect);
    try {
      await using(options, (files) => use(files, threads));
    } finally {
      process.off("worker", collect);
    }
  }

  it("is noticed when all have ended", () =>
    withThreads({ readers: 2 }, async (files, threads) => {
      expect(threads).toHaveLength(2);
      await Promise.all(threads.map((thread) => thread.terminate()));
      const underWay = files.begin([new Room(sharedPages(2 ** 16)).read("small", 0, 10)]);
      expect(() => underWay.wait()).toThrow(ReaderError);
      underWay.cancel();
    }));

  it("leaves its work to the others", () =>
    withThreads({ readers: 2 }, async (files, [thread]) => {
      await thread.terminate();
      const reads = [new Room(sharedPages(2 ** 25)).read("large", 0, SIZES.large)];
      files.begin(reads).wait();
      expectBytes(reads);
    }));

  it("is noticed though this thread lets no event in", () =>
    withThreads({ readers: 1, patienceMs: 100 }, async (files, [thread]) => {
      void thread.terminate();
      const underWay = files.begin([new Room(sharedPages(2 ** 16)).read("small", 0, 10)]);
      expect(() => underWay.wait()).toThrow(ReaderError);
    }));
});

const checksumOf = ({ buffer, byteOffset, length }: Uint8Array): number =>
  checksum(new DataView(buffer, byteOffset, length), 0, length);

function receiptOf(file: Name, tensors: readonly [string, number, number][]): Receipt {
  const entries = tensors.map(([name, offset, length]): [string, TensorReceipt] => {
    const checksums = [checksumOf(contents[file].subarray(offset, offset + length))];
    return [name, { offset, length, checksums }];
  });
  const before = contents[file].subarray(0, tensors[0]?.[1] ?? SIZES[file]);
  const header = createHash("sha256").update(before).digest("hex");
  const known = { size: SIZES[file], modified: 0, header, tensors: new Map(entries) };
  return { isComplete: true, files: new Map([[file, known]]) };
}
