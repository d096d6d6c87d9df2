/**
 * Reads tensors when they are asked for. While one of them is placed, the next ones are being read, by threads
 * of the system.
 *
 * Next: load-layer.ts
 * @module
 */

/** How many tensors are read ahead. */
const AHEAD = 2;

/** Larger tensors are not read ahead, in bytes: all of them are in memory twice until they are placed. */
const LARGEST_AHEAD = 2 ** 26;

/**
 * The same as `read`, ahead of those who ask.
 *
 * @param names  the order in which they will probably ask; another order changes no tensor
 * @param bytesOf says how large each is
 */
export function readingAhead<T>(
  names: readonly string[],
  read: (name: string) => Promise<T>,
  bytesOf: (name: string) => number,
): (name: string) => Promise<T> {
  const begun = new Map<string, Promise<T>>();
  const asked = new Set<string>();
  const places = new Map(names.map((name, i) => [name, i]));
  const begin = (name: string): Promise<T> => {
    const result = begun.get(name) ?? read(name);
    result.catch(() => {}); // it is awaited in its turn
    begun.set(name, result);
    return result;
  };
  return async (name) => {
    const result = begin(name);
    asked.add(name);
    const next = (places.get(name) ?? names.length) + 1;
    for (const other of names.slice(next, next + AHEAD)) {
      if (!asked.has(other) && bytesOf(other) <= LARGEST_AHEAD) begin(other);
    }
    const tensor = await result;
    begun.delete(name);
    return tensor;
  };
}
