/**
 * Finds a key that an object of a JSON text has twice. `JSON.parse` keeps the last one and drops the
 * other silently, so two readers could see two different tokenizers.
 *
 * In a text that is JSON, a string before a colon is a key. So a text with more of them than the value
 * that was parsed of it has a key twice in one object. Counting is quick; only then are names compared.
 *
 * Next: json-fields.ts
 * @module
 */

/** A string, and its colon if it is a key. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?/gs;

/** A key that is there twice, or undefined when there is none. */
export function repeatedKey(text: string, parsed: unknown): string | undefined {
  let surplus = 0;
  STRING.lastIndex = 0;
  while (STRING.test(text)) if (text[STRING.lastIndex - 1] === ":") surplus++;
  for (const object of objectsIn(parsed)) surplus -= Object.keys(object).length;
  return surplus === 0 ? undefined : firstRepeated(text, parsed);
}

/** The key that is there more often in the text than in the value. */
function firstRepeated(text: string, parsed: unknown): string | undefined {
  const counts = new Map<string, number>();
  const add = (key: string, n: number): void => {
    counts.set(key, (counts.get(key) ?? 0) + n);
  };
  for (const [string] of text.matchAll(STRING)) {
    // "a" and "\u0061" are one key.
    if (string.endsWith(":")) add(String(JSON.parse(string.slice(0, -1))), 1);
  }
  for (const object of objectsIn(parsed)) for (const key of Object.keys(object)) add(key, -1);
  for (const [key, count] of counts) if (count > 0) return key;
  return undefined;
}

/** Every object in a JSON value. Lists are looked into, and are none. */
function* objectsIn(parsed: unknown): Generator<object> {
  const open: unknown[] = [parsed];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null) continue; // a text alone, or null
    if (!Array.isArray(value)) yield value;
    const inside: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    for (const inner of inside) {
      if (typeof inner === "object") open.push(inner);
    }
  }
}
