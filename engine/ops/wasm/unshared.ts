/**
 * The kernels where memory cannot be shared: a page that is not isolated from other origins.
 *
 * The module imports its memory, and says in one bit that the memory is shared. Such a page has no
 * shared memory, so that bit is cleared. No instruction depends on it: with one thread the kernels give
 * the same bits over either kind of memory.
 *
 * @see WebAssembly core specification, "Import Section", "Limits"
 * @module
 */

/** Whether this runtime lets memory be shared with threads. */
export function canShareMemory(): boolean {
  return typeof SharedArrayBuffer !== "undefined";
}

/** Bytes before the first section: the magic number and the version. */
const HEADER = 8;
const IMPORT_SECTION = 2;

/** Kinds of imports, as they are numbered in a module. */
const KIND = { memory: 2, global: 3 } as const;

/** The bit of a memory's limits that says it is shared. */
const SHARED = 2;

/** A copy of a module that imports memory which is not shared. */
export function unshared(module: Uint8Array<ArrayBuffer> | ArrayBuffer): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(module).slice();
  let at = HEADER;
  /** A number in LEB128, as all counts and lengths of a module are written. */
  const number = (): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const skip = (n: number): void => {
    at += n;
  };

  while (bytes[at++] !== IMPORT_SECTION) skip(number());
  number(); // length of the section
  for (let nImports = number(); nImports > 0; nImports--) {
    skip(number()); // name of the module that it comes from
    skip(number()); // its own name
    const kind = bytes[at++];
    if (kind === KIND.memory) {
      bytes[at] &= ~SHARED;
      return bytes;
    }
    if (kind === KIND.global) skip(2);
    else number(); // a function's type
  }
  throw new TypeError("kernels: expected a module that imports its memory");
}
