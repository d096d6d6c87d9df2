/**
 * The files in a zip, stored or deflated: NumPy and torch keep their arrays so.
 *
 * Next: npz.ts, torch.ts
 * @module
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */

import { crc32, inflateRawSync } from "node:zlib";
import { UserError } from "../../node/user-error.ts";

const LOCAL = 0x04034b50;
const ENTRY = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const LONGEST_COMMENT = 0xffff;
/** How many times longer than the whole file its arrays may become. Floats hardly shrink at all. */
const MOST_GROWTH = 64;
/** What is always allowed, since arrays of equal numbers do shrink. */
const SMALL = 2 ** 26;

/** Whether a file begins as a zip does. An empty zip begins with its end record. */
export function isZip(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const signature = viewOf(bytes).getUint32(0, true);
  return signature === LOCAL || signature === END;
}

/** One file of a zip. */
export interface ZipEntry {
  readonly name: string;
  /** Unpacks it. */
  readonly bytes: () => Uint8Array;
}

/**
 * All files of a zip, in its order. Each is unpacked when that is asked for.
 *
 * A zip of a few bytes may unpack to gigabytes, so how much it may grow is limited before that.
 *
 * @param remedy how to write a zip that does not grow, for the error
 * @throws {UserError} when the zip is cut off, unpacks to too much, a checksum is wrong, or a file is
 *   compressed otherwise than by deflate or above 4 GiB (zip64)
 */
export function* unzip(
  file: string,
  bytes: Uint8Array,
  remedy: string,
): Generator<ZipEntry & { readonly done: number; readonly total: number }> {
  const view = viewOf(bytes);
  const end = findEnd(file, view);
  const total = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const most = Math.max(SMALL, MOST_GROWTH * bytes.length);
  let room = most;
  for (let i = 0; i < total; i++) {
    if (at + ENTRY_BYTES > end || view.getUint32(at, true) !== ENTRY) {
      throw new UserError(file, `expected entry ${i} of ${total} at byte ${at}, got none`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const nameEnd = at + ENTRY_BYTES + nameLength;
    const name = new TextDecoder().decode(bytes.subarray(at + ENTRY_BYTES, nameEnd));
    room -= view.getUint32(at + 24, true);
    const [entry, left] = [at, room];
    const unpacked = (): Uint8Array => {
      if (left >= 0) return contents(`${file}: ${name}`, bytes, entry);
      const got = `more up to ${name}: ${remedy}`;
      throw new UserError(file, `expected at most ${most} unpacked bytes, got ${got}`);
    };
    yield { name, bytes: unpacked, done: i + 1, total };
    at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
}

/** The place of the end record. Only a comment may follow it. */
function findEnd(file: string, view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--) {
    if (view.getUint32(at, true) === END && view.getUint16(at + 20, true) === last - at) return at;
  }
  throw new UserError(file, "expected a zip's end record, got none: the file is cut off");
}

/** The unpacked bytes of the entry whose record is at `at`. */
function contents(where: string, bytes: Uint8Array, at: number): Uint8Array {
  const view = viewOf(bytes);
  const method = view.getUint16(at + 10, true);
  const crc = view.getUint32(at + 16, true);
  const packed = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const local = view.getUint32(at + 42, true);
  if ([packed, size, local].includes(0xffffffff)) {
    throw new UserError(where, "expected less than 4 GiB, got a zip64 entry");
  }
  if (local + LOCAL_BYTES > bytes.length || view.getUint32(local, true) !== LOCAL) {
    throw new UserError(where, `expected an entry at byte ${local}, got none`);
  }
  const start =
    local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const stored = bytes.subarray(start, start + packed);
  const data = method === 0 ? stored : inflate(where, method, stored, size);
  if (data.length !== size || crc32(data) !== crc) {
    throw new UserError(where, `expected ${size} bytes with CRC ${crc}, got other bytes`);
  }
  return data;
}

function inflate(where: string, method: number, stored: Uint8Array, size: number): Uint8Array {
  if (method !== 8) {
    throw new UserError(where, `expected stored or deflated bytes, got zip method ${method}`);
  }
  try {
    return inflateRawSync(stored, { maxOutputLength: Math.max(size, 1) });
  } catch (error) {
    throw new UserError(where, `expected deflated bytes: ${(error as Error).message}`);
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
