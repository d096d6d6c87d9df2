/**
 * Arrays in NumPy's .npz format: a zip of .npy files, stored or deflated.
 *
 * Next: torch.ts
 * @module
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { readNpy } from "./npy.ts";
import type { StoredTensor } from "./stored.ts";
import { unzip } from "./zip.ts";

/**
 * Reads all arrays of a zip under their names without `.npy`.
 *
 * @throws {UserError} when the zip cannot be unpacked (zip.ts says why not), or an entry is no array
 */
export function readNpz(
  file: string,
  bytes: Uint8Array,
  onProgress: (done: number, total: number) => void,
): [string, StoredTensor][] {
  const arrays: [string, StoredTensor][] = [];
  for (const entry of unzip(file, bytes, "save it with numpy.savez")) {
    const array = readNpy(`${file}: ${entry.name}`, entry.bytes());
    arrays.push([entry.name.replace(/\.npy$/, ""), array]);
    onProgress(entry.done, entry.total);
  }
  return arrays;
}
