/**
 * What is new in the note of a session. The note of a conversation holds all its messages; a commit
 * writes only those that came since the commit before.
 *
 * Next: record.ts
 * @module
 */

/** How a note differs from the one before. */
export type NoteChange =
  | { readonly whole: unknown }
  | {
      /** Entries that have another value, which is no list. */
      readonly values: Readonly<Record<string, unknown>>;
      /** Lists: how many items at the beginning stay, and the items after those. */
      readonly lists: Readonly<Record<string, readonly [kept: number, more: readonly unknown[]]>>;
    };

/** A note as JSON: that of each entry, and in a list that of each item. */
export type NoteParts = ReadonlyMap<string, string | readonly string[]> | string | undefined;

/**
 * The JSON of the parts of a note. It does not change when the note's owner changes the note.
 *
 * @throws {RangeError} when the note is nested deeper than JSON can be written
 */
export function notePartsOf(note: unknown): NoteParts {
  if (note === undefined) return undefined;
  if (!isEntries(note)) return JSON.stringify(note);
  const entries = Object.entries(note).filter(([, value]) => value !== undefined);
  return new Map(
    entries.map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map((item) => JSON.stringify(item)) : JSON.stringify(value),
    ]),
  );
}

/** About how many characters a note takes. */
export function noteLength(parts: NoteParts): number {
  if (parts === undefined || typeof parts === "string") return parts?.length ?? 0;
  const lengthOf = (json: string | readonly string[]): number =>
    typeof json === "string" ? json.length : json.reduce((sum, { length }) => sum + length + 1, 0);
  return [...parts].reduce((sum, [key, json]) => sum + key.length + lengthOf(json), 0);
}

/** The change from one note to another; undefined when they are equal. */
export function noteChange(before: NoteParts, after: NoteParts): NoteChange | undefined {
  const isNew = !(before instanceof Map && after instanceof Map);
  if (isNew || [...before.keys()].some((key) => !after.has(key))) {
    return before === after ? undefined : { whole: noteOf(after) ?? null };
  }
  const values: [string, unknown][] = [];
  const lists: [string, readonly [number, unknown[]]][] = [];
  for (const [key, now] of after) {
    const was = before.get(key);
    if (typeof now === "string") {
      if (now !== was) values.push([key, JSON.parse(now)]);
      continue;
    }
    const old = Array.isArray(was) ? was : [];
    let kept = 0;
    while (kept < now.length && now[kept] === old[kept]) kept++;
    const isSame = Array.isArray(was) && kept === now.length && kept === old.length;
    if (!isSame) lists.push([key, [kept, now.slice(kept).map((item: string) => JSON.parse(item))]]);
  }
  if (values.length + lists.length === 0) return undefined;
  return { values: Object.fromEntries(values), lists: Object.fromEntries(lists) };
}

/**
 * The note after a change.
 *
 * @throws {RangeError} when the change does not fit the note
 */
export function noteAfter(before: unknown, change: NoteChange): unknown {
  if ("whole" in change) return change.whole ?? undefined;
  if (!isEntries(before)) throw new RangeError("expected a note of entries before it");
  const lists = Object.entries(change.lists).map(([key, [kept, more]]) => {
    const old = Array.isArray(before[key]) ? before[key] : [];
    if (kept > old.length) {
      throw new RangeError(`${JSON.stringify(key)}: expected ${kept} items before it`);
    }
    return [key, [...old.slice(0, kept), ...more]];
  });
  return { ...before, ...change.values, ...Object.fromEntries(lists) };
}

/** Whether `value`, read from JSON, is a change of a note. */
export function isNoteChange(value: unknown): value is NoteChange {
  if (!isEntries(value)) return false;
  if ("whole" in value) return true;
  const { values, lists } = value;
  return isEntries(values) && isEntries(lists) && Object.values(lists).every(isListChange);
}

function isListChange(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [kept, more] = value;
  return Number.isInteger(kept) && kept >= 0 && Array.isArray(more);
}

function noteOf(parts: NoteParts): unknown {
  if (parts === undefined) return undefined;
  if (typeof parts === "string") return JSON.parse(parts);
  const list = (items: readonly string[]): unknown[] => items.map((item) => JSON.parse(item));
  return Object.fromEntries(
    [...parts].map(([key, json]) => [
      key,
      typeof json === "string" ? JSON.parse(json) : list(json),
    ]),
  );
}

function isEntries(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
