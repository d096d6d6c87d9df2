/**
 * Reads calls that are written in another form than the protocol's.
 *
 * A model writes `[{"name": "f", "arguments": {…}}]` when it is forced to call a tool, and
 * sometimes `f {"v": 1}` or `f v=1` inside of `<tool_call>`.
 *
 * Next: call-opening.ts
 * @module
 */
import { parseJson, parseJsonAt, parsePythonLiteral } from "./json-parse.ts";
import { entriesOf, fieldOf, isJsonObject, type Json } from "./json-value.ts";

/** A call that was written in another form. */
export interface JsonCall {
  readonly name: string;
  readonly arguments: Arguments;
}

type Arguments = readonly (readonly [string, Json])[];

/** Returns the calls in `text`, or undefined when it is something else. */
export function parseJsonCalls(text: string): JsonCall[] | undefined {
  const value = attempt(() => parseJson(text.trim()));
  return value === undefined ? undefined : callsIn(value);
}

/** Calls in JSON, and the texts before and after them. */
export interface FoundCalls {
  readonly before: string;
  readonly calls: readonly JsonCall[];
  readonly after: string;
}

/** Places in a text where the search for JSON begins, so that no text makes it slow. */
const MAX_TRIES = 64;

/**
 * Finds the first calls in `text`, which may stand between other words or in a code fence.
 *
 * @param isKnown whether a tool of this name may be called
 */
export function findJsonCalls(
  text: string,
  isKnown: (name: string) => boolean,
): FoundCalls | undefined {
  const opener = /[[{]/g;
  for (let n = 0; n < MAX_TRIES; n++) {
    const start = opener.exec(text)?.index;
    if (start === undefined) return undefined;
    const found = attempt(() => parseJsonAt(text, start));
    const calls = found && callsIn(found.value);
    if (!found || !calls?.every(({ name }) => isKnown(name))) continue;
    const [before, after] = withoutFence(text.slice(0, start), text.slice(found.end));
    return { before, calls, after };
  }
  return undefined;
}

/** Takes a code fence away that encloses what stands between the two texts. */
function withoutFence(before: string, after: string): readonly [string, string] {
  const open = /\n?```[a-z_]*\s*$/.exec(before);
  const close = /^\s*```/.exec(after);
  if (!open || !close) return [before, after];
  return [before.slice(0, open.index), after.slice(close[0].length)];
}

function callsIn(value: Json): JsonCall[] | undefined {
  const list: readonly Json[] = Array.isArray(value) ? value : [value];
  const calls = list.map(callOf);
  if (calls.length === 0 || calls.includes(undefined)) return undefined;
  return calls as JsonCall[];
}

function callOf(value: Json): JsonCall | undefined {
  if (!isJsonObject(value)) return undefined;
  const inner = fieldOf(value, "function");
  const object = isJsonObject(inner) ? inner : value;
  const name = fieldOf(object, "name") ?? (typeof inner === "string" ? inner : undefined);
  const args = argumentsOf(fieldOf(object, "arguments") ?? fieldOf(object, "parameters"));
  return typeof name === "string" && args ? { name, arguments: args } : undefined;
}

/** Reads arguments: an object, JSON text of one, or nothing. */
function argumentsOf(value: Json | undefined): Arguments | undefined {
  if (value === undefined || value === null || value === "") return [];
  const object = typeof value === "string" ? attempt(() => parseJson(value)) : value;
  return isJsonObject(object) ? entriesOf(object) : undefined;
}

/** Arguments after a name: values, or texts whose types the tool declares. */
export interface PlainArguments {
  readonly values: Arguments;
  readonly texts: readonly (readonly [string, string])[];
}

/** Reads what stands after a name: a JSON object, or `key=value` once or more, also in brackets. */
export function plainArguments(text: string): PlainArguments | undefined {
  const inner = /^\s*\((.*)\)\s*$/s.exec(text)?.[1] ?? text;
  const object = attempt(() => parseJson(inner)) ?? attempt(() => parsePythonLiteral(inner));
  if (isJsonObject(object)) return { values: entriesOf(object), texts: [] };
  const texts: (readonly [string, string])[] = [];
  const pair =
    /(?:\s*,)?\s*([\p{L}\p{N}_.-]+)\s*[=:]\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,]+)/uy;
  const { length } = inner.trimEnd();
  for (let at = 0; at < length; at = pair.lastIndex) {
    pair.lastIndex = at;
    const [, key, value] = pair.exec(inner) ?? [];
    if (key === undefined || value === undefined) return undefined;
    texts.push([key, unquoted(value)]);
  }
  return texts.length > 0 ? { values: [], texts } : undefined;
}

function unquoted(text: string): string {
  const value = /^["']/.test(text) ? attempt(() => parsePythonLiteral(text)) : undefined;
  return typeof value === "string" ? value : text;
}

/** Returns what `read` returns, or undefined when it throws. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
