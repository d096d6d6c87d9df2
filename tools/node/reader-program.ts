/**
 * What a thread does that reads files into memory which it shares with others: it takes pieces of
 * batches, reads of demand before guesses, until nothing is left.
 *
 * {@link serveReads} uses nothing but its arguments. It is started from its own text, so there is no
 * second file that a runtime or a package would have to find.
 *
 * Next: read-batch.ts
 * @module
 */

/** Places in the words of a batch, which all threads share. */
export const BATCH = {
  /** Pieces that somebody has taken, or more when none is left. */
  taken: 0,
  /** Pieces that are finished, whether they came or not. */
  finished: 1,
  /** Whether nobody waits for the batch yet. */
  isGuess: 2,
  /** The first piece that failed, counted from 1; 0 if none did. */
  failed: 3,
  /** How many bytes of it came; −1 when the system refused, in words that stand in the text. */
  got: 4,
  /** From here on, for each read, how many of its pieces are not finished. */
  left: 5,
} as const;

/** Places in the words of all readers. */
export const READERS = {
  /** Counts what was read; when it stands still, the readers do. */
  progress: 0,
  /** Whether a file could not be read past the cache of the system. */
  isRefused: 1,
  /** From here on, the state of each reader. */
  states: 2,
} as const;

/** What a reader does. */
export const STATE = { idle: 0, busy: 1, ended: 2 } as const;

/** Numbers of a piece: file, offset, length, buffer, address, and the read that it is a part of. */
export const PIECE_NUMBERS = 6 as const;

/** Numbers of a check: read, buffer, address, length, and `mask`, `one` and `step` of ExponentMask. */
export const CHECK_NUMBERS = 7 as const;

/** What tells one file from another that has taken its name. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
}

/** A file to read. */
export interface FileToRead {
  readonly path: string;
  /** Flags of `open`. */
  readonly flags: number;
  /** One more flag, O_DIRECT, that is left out where the system refuses it; 0 for none. */
  readonly directFlag: number;
  /** Which file must be found there. */
  readonly identity?: FileIdentity | undefined;
}

/** Reads that belong together. */
export interface ReadBatch {
  /** See {@link BATCH}; behind them two words for each check, the checksum and whether all is finite. */
  readonly words: Int32Array<SharedArrayBuffer>;
  /** What the system said when it refused, in UTF-8. */
  readonly text: Uint8Array<SharedArrayBuffer>;
  /** See {@link PIECE_NUMBERS}. */
  readonly pieces: Float64Array;
  /** See {@link CHECK_NUMBERS}. */
  readonly checks: Float64Array;
}

/** What a reader is told. Files and buffers are counted from 0, in the order in which they come. */
export interface ReaderMessage {
  readonly files: readonly FileToRead[];
  readonly buffers: readonly SharedArrayBuffer[];
  readonly batch: ReadBatch;
}

/** What a reader is started with. */
export interface ReaderData {
  /** See {@link READERS}. */
  readonly words: Int32Array<SharedArrayBuffer>;
  /** Its number, from 0 on. */
  readonly reader: number;
  /** Files that are opened at once; the others are opened when they are first needed. */
  readonly files: readonly FileToRead[];
  /** Reads past the cache begin and end at multiples of this many bytes. */
  readonly block: number;
  /** After so many bytes it looks whether something more urgent has come. */
  readonly lookEvery: number;
  /** The places of everything above. */
  readonly places: {
    readonly BATCH: typeof BATCH;
    readonly READERS: typeof READERS;
    readonly STATE: typeof STATE;
    readonly PIECE_NUMBERS: typeof PIECE_NUMBERS;
    readonly CHECK_NUMBERS: typeof CHECK_NUMBERS;
  };
}

/** What the thread needs from elsewhere. */
export interface ReaderTools {
  readonly fs: typeof import("node:fs");
  readonly process: typeof import("node:process");
  readonly setImmediate: (run: () => void) => unknown;
  readonly port: Pick<import("node:worker_threads").MessagePort, "on" | "postMessage">;
  readonly checksum: (view: DataView, at: number, length: number) => number;
  readonly isAllFinite: (view: DataView, mask: number, one: number, step: number) => boolean;
}

/** An open file. */
interface OpenFile {
  readonly descriptor: number;
  readonly isDirect: boolean;
}

/** Serves batches for ever. */
export function serveReads(data: ReaderData, tools: ReaderTools): void {
  const { words: readers, block, lookEvery, places } = data;
  const { BATCH, READERS, STATE, PIECE_NUMBERS, CHECK_NUMBERS } = places;
  const { fs, port, checksum, isAllFinite } = tools;
  const files: FileToRead[] = [...data.files];
  const open: OpenFile[] = files.map((file) => openFile(file, file.directFlag !== 0));
  const buffers: SharedArrayBuffer[] = [];
  const batches: ReadBatch[] = [];
  const myState = READERS.states + data.reader;
  let isAtWork = false;
  let isWarm = false;

  tools.process.on("exit", () => Atomics.store(readers, myState, STATE.ended));
  port.on("message", (message: ReaderMessage) => {
    files.push(...message.files);
    buffers.push(...message.buffers);
    batches.push(message.batch);
    if (isAtWork) return;
    isAtWork = true;
    tools.setImmediate(work);
  });
  port.postMessage("here");

  /** Reads until nothing is left, and lets messages in between. */
  function work(): void {
    Atomics.store(readers, myState, STATE.busy);
    for (let bytes = 0; bytes < lookEvery; ) {
      const n = finishOne();
      if (n === undefined) {
        Atomics.store(readers, myState, STATE.idle);
        isAtWork = false;
        return;
      }
      bytes += n;
    }
    tools.setImmediate(work);
  }

  /** Takes the most urgent piece, and returns its length; nothing when there is none. */
  function finishOne(): number | undefined {
    const urgent = batches.findIndex(({ words }) => Atomics.load(words, BATCH.isGuess) === 0);
    const which = Math.max(0, urgent);
    if (which >= batches.length) return undefined;
    const { words, pieces, text, checks } = batches[which];
    const piece = Atomics.add(words, BATCH.taken, 1);
    const at = PIECE_NUMBERS * piece;
    if (at >= pieces.length) {
      batches.splice(which, 1);
      return 0;
    }
    const length = pieces[at + 2];
    const read = pieces[at + 5];
    if (Atomics.load(words, BATCH.failed) === 0) {
      let got = -1;
      let said = "";
      try {
        got = readPiece(pieces, at);
      } catch (error) {
        said = (error as Error).message;
      }
      if (got < length && Atomics.compareExchange(words, BATCH.failed, 0, piece + 1) === 0) {
        words[BATCH.got] = got;
        text.set(new TextEncoder().encode(said).subarray(0, text.length));
      }
    }
    const isLast = Atomics.sub(words, BATCH.left + read, 1) === 1;
    if (isLast && Atomics.load(words, BATCH.failed) === 0) check(read, words, checks);
    Atomics.add(readers, READERS.progress, 1);
    const nFinished = Atomics.add(words, BATCH.finished, 1) + 1;
    // Whoever waits is woken at the end alone. A batch that was cancelled ends anywhere.
    const nPieces = pieces.length / PIECE_NUMBERS;
    const isOver = nFinished === nPieces || Atomics.load(words, BATCH.taken) > nPieces;
    if (isOver) Atomics.notify(words, BATCH.finished);
    return length;
  }

  /** Reads the piece whose numbers begin at `at`, and returns how many of its bytes came. */
  function readPiece(pieces: Float64Array, at: number): number {
    const file = pieces[at];
    const offset = pieces[at + 1];
    const length = pieces[at + 2];
    const buffer = pieces[at + 3];
    const address = pieces[at + 4];
    open[file] ??= openFile(files[file], files[file].directFlag !== 0);
    const { descriptor, isDirect } = open[file];
    const lead = isDirect ? offset % block : 0;
    const wanted = lead + length;
    const whole = isDirect ? Math.ceil(wanted / block) * block : wanted;
    try {
      for (let done = 0; ; ) {
        const target = new Uint8Array(buffers[buffer], address - lead + done, whole - done);
        const n = fs.readSync(descriptor, target, 0, target.length, offset - lead + done);
        if (done + n >= wanted) return length;
        // A read past the cache goes on where a block begins, so it reads the last one again.
        const next = isDirect ? done + n - ((done + n) % block) : done + n;
        if (next === done) return Math.max(0, done + n - lead);
        done = next;
      }
    } catch (error) {
      if (!isDirect || (error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
      open[file] = refused(files[file]);
      fs.closeSync(descriptor);
      return readPiece(pieces, at);
    }
  }

  /** Opens a file, past the cache if the system lets it. */
  function openFile(file: FileToRead, isDirect: boolean): OpenFile {
    let descriptor: number;
    try {
      descriptor = fs.openSync(file.path, file.flags | (isDirect ? file.directFlag : 0));
    } catch (error) {
      if (!isDirect || (error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
      return refused(file);
    }
    if (file.identity) {
      const { dev, ino, size } = fs.fstatSync(descriptor);
      const { identity } = file;
      if (dev !== identity.dev || ino !== identity.ino || size !== identity.size) {
        fs.closeSync(descriptor);
        throw new Error("the file was replaced while it was in use");
      }
    }
    return { descriptor, isDirect };
  }

  /** Opens a file again, through the cache. */
  function refused(file: FileToRead): OpenFile {
    Atomics.store(readers, READERS.isRefused, 1);
    return openFile(file, false);
  }

  /** Looks at the bytes of a read that has come. */
  function check(read: number, words: Int32Array, checks: Float64Array): void {
    const nChecks = checks.length / CHECK_NUMBERS;
    if (nChecks > 0 && !isWarm) warmUp();
    for (let i = 0; i < nChecks; i++) {
      const numbers = checks.subarray(CHECK_NUMBERS * i, CHECK_NUMBERS * (i + 1));
      if (numbers[0] !== read) continue;
      const [, buffer, address, length, mask, one, step] = numbers;
      const view = new DataView(buffers[buffer], address, length);
      const result = words.length - 2 * (nChecks - i);
      // As integers, which numbers of a Float64Array are not: V8 would compile for f64 otherwise.
      words[result] = checksum(view, 0, view.byteLength);
      words[result + 1] = Number(mask === 0 || isAllFinite(view, mask | 0, one | 0, step | 0));
    }
  }

  /**
   * Calls the loops over bytes often. V8 compiles a function that is called often to faster code than a
   * loop that it is already in, and one check is one call.
   */
  function warmUp(): void {
    const view = new DataView(new ArrayBuffer(256));
    for (let i = 0; i < 10_000; i++) {
      checksum(view, 0, view.byteLength);
      isAllFinite(view, 1, 1, 4);
    }
    isWarm = true;
  }
}
