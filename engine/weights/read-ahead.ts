/**
 * Reads tensors one after the other. While one of them is placed, the next ones are being read, by threads of the
 * system.
 *
 * Next: load-layer.ts
 * @module
 */
import type { RawTensor } from "../numbers/raw-tensor.ts";

/** How many tensors are read ahead. */
const AHEAD = 2;

/** Larger tensors are not read ahead, in bytes: all of them are in memory twice until they are placed. */
const LARGEST_AHEAD = 2 ** 26;

/** Yields the tensors `names` in their order, as `read` gives them. `bytesOf` says how large each is. */
export async function* readInTurn(
  names: readonly string[],
  read: (name: string) => Promise<RawTensor>,
  bytesOf: (name: string) => number,
): AsyncGenerator<RawTensor> {
  const begun = new Map<string, Promise<RawTensor>>();
  const begin = (name: string): Promise<RawTensor> => {
    const result = begun.get(name) ?? read(name);
    result.catch(() => {}); // it is awaited in its turn
    begun.set(name, result);
    return result;
  };
  for (const [i, name] of names.entries()) {
    const result = begin(name);
    for (const next of names.slice(i + 1, i + 1 + AHEAD)) {
      if (bytesOf(next) <= LARGEST_AHEAD) begin(next);
    }
    yield await result;
    begun.delete(name);
  }
}
