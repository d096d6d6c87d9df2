/**
 * Memory that threads share and that begins at a page, so that files can be read into it past the cache
 * of the system. A plain `SharedArrayBuffer` begins somewhere.
 */
export function sharedPages(bytes: number): SharedArrayBuffer {
  const n = Math.ceil(bytes / 65536);
  const memory = new WebAssembly.Memory({ initial: n, maximum: n, shared: true });
  return memory.buffer as unknown as SharedArrayBuffer;
}
