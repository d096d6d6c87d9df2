import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findOutput, type Output } from "./output.ts";
import { sweep, temporaryName } from "./temporaries.ts";
import { UserError } from "./user-error.ts";

/** Bytes between two looks at the signal. */
const PIECE = 2 ** 24;

/** The content of a file that never stands in memory as one. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Bytes of a file, and where they begin: behind what was written last, if that is not said. */
interface Piece {
  readonly at?: number;
  readonly bytes: Uint8Array;
}

/** Bytes, and where in the file they begin. */
export type PlacedPiece = Required<Piece>;

/**
 * Writes a file so that `path` holds, at every moment, either what it held before or all of the
 * new bytes: into a file beside it, to the disk, then renamed over it. It keeps the permissions of the
 * file that it replaces. A device or a pipe is not replaced: the bytes go into it.
 *
 * What a process that was killed left behind in the folder is removed.
 *
 * @throws the signal's reason when it aborts; nothing is left behind then
 */
export function writeWhole(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  return writePieces(path, [bytes], signal);
}

/** {@link writeWhole} for a text, in UTF-8. */
export function writeText(path: string, text: string): Promise<void> {
  return writeWhole(path, new TextEncoder().encode(text));
}

/** {@link writeWhole} for a file that never stands in memory as one. */
export async function writePieces(
  path: string,
  pieces: Pieces,
  signal?: AbortSignal,
): Promise<void> {
  const output = await findOutput(path);
  if (!output.isStream) return replace(path, output, inOrder(pieces), signal);
  await fill(path, await open(output.path, "w"), inOrder(pieces), signal);
}

/** {@link writePieces} for pieces that come in another order than they have in the file. */
export async function writePlaced(
  path: string,
  pieces: AsyncIterable<PlacedPiece>,
  signal?: AbortSignal,
): Promise<void> {
  const output = await findOutput(path);
  if (output.isStream) throw new UserError(path, "expected a file, got a device or a pipe");
  await replace(path, output, pieces, signal);
}

/** Pieces that are written one after the other, wherever the output stands. */
async function* inOrder(pieces: Pieces): AsyncGenerator<Piece> {
  for await (const bytes of pieces) yield { bytes };
}

/** Fills a new file, and puts it in the place of the old one. */
async function replace(
  path: string,
  output: Output,
  pieces: AsyncIterable<Piece>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folder = dirname(output.path);
  sweep(folder);
  const temporary = join(folder, temporaryName("output", "tmp"));
  const file = await open(temporary, "wx", output.mode);
  try {
    await fill(path, file, pieces, signal, async () => {
      if (output.mode !== undefined) await file.chmod(output.mode);
      await file.sync();
    });
    signal?.throwIfAborted();
    await rename(temporary, output.path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes the pieces into an open file, does what is to be done before it closes, and closes it. */
async function fill(
  path: string,
  file: FileHandle,
  pieces: AsyncIterable<Piece>,
  signal: AbortSignal | undefined,
  beforeClose: () => Promise<void> = async () => {},
): Promise<void> {
  try {
    for await (const { bytes, at: start } of pieces) {
      for (let at = 0; at < bytes.length; ) {
        signal?.throwIfAborted();
        const n = Math.min(PIECE, bytes.length - at);
        const place = start === undefined ? null : start + at;
        at += (await file.write(bytes, at, n, place).catch(failed)).bytesWritten;
      }
    }
    await beforeClose().catch(failed);
  } finally {
    await file.close();
  }

  /** The system's message for a write does not say which file. */
  function failed(error: Error): never {
    throw new UserError(path, error.message, { cause: error });
  }
}
