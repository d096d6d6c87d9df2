/**
 * The words of JSON schemas that are known here, and how their values are read.
 *
 * Next: vet-schema.ts
 * @see JSON Schema 2020-12, Core and Validation
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import {
  entriesOf,
  fieldOf,
  isJsonObject,
  type Json,
  JsonNumber,
  type JsonObject,
  kindOf,
  pathTo,
} from "../../tokenizer/chat/json-value.ts";

/** Words that say nothing about a value. */
const NOTES: ReadonlySet<string> = new Set(
  (
    "$schema $id $comment $defs definitions title description default example examples " +
    "deprecated readOnly writeOnly contentMediaType contentEncoding discriminator externalDocs xml"
  ).split(" "),
);

/** Words that each concern values of one type. */
const WORDS_OF_TYPES = {
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  array: ["items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"],
  object: [
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Words that combine schemas, or list values. */
const COMBINING = ["$ref", "allOf", "anyOf", "oneOf", "enum", "const"] as const;

const KNOWN: readonly string[] = [
  "type",
  "nullable",
  ...COMBINING,
  ...Object.values(WORDS_OF_TYPES).flat(),
];

/** Those of them that mostly cannot be held to. An error about another word does not advise them. */
const SELDOM: readonly string[] = [
  "allOf",
  "multipleOf",
  "additionalItems",
  "uniqueItems",
  "propertyNames",
];

/** Extensions of other programs begin with this. */
const EXTENSION = "x-";

/** A schema that is an object, and where it stands. */
export interface Place {
  readonly schema: JsonObject;
  readonly path: string;
}

/**
 * The words of a schema that say something about a value.
 *
 * @throws {ConstraintError} for a word that is not known
 */
export function wordsOf({ schema, path }: Place): string[] {
  const words = entriesOf(schema)
    .map(([word]) => word)
    .filter((word) => !NOTES.has(word) && !word.startsWith(EXTENSION));
  for (const word of words) {
    if (KNOWN.includes(word)) continue;
    const advised = KNOWN.filter((one) => !SELDOM.includes(one)).join(", ");
    const text = `cannot be held to; leave it out, or say it with ${advised}`;
    throw new ConstraintError(pathTo(path, word), text);
  }
  return words;
}

/** @throws {ConstraintError} always: what was expected, and what is there */
export function wrong({ schema, path }: Place, word: string, expected: string): never {
  const value = fieldOf(schema, word);
  const got =
    typeof value === "string"
      ? JSON.stringify(value.slice(0, 60))
      : value instanceof JsonNumber
        ? value.source
        : typeof value === "boolean"
          ? String(value)
          : kindOf(value);
  throw new ConstraintError(pathTo(path, word), `expected ${expected}, got ${got}`);
}

/** An integer of 0 or more; undefined when the word is not there. */
export function count(place: Place, word: string): number | undefined {
  const value = fieldOf(place.schema, word);
  if (value === undefined) return undefined;
  const number = value instanceof JsonNumber ? value.valueOf() : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) {
    return wrong(place, word, "an integer of 0 or more");
  }
  return number;
}

/** A list; undefined when the word is not there. */
export function listAt(place: Place, word: string): readonly Json[] | undefined {
  const value = fieldOf(place.schema, word);
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value : wrong(place, word, "a list");
}

/** A text; undefined when the word is not there. */
export function textAt(place: Place, word: string): string | undefined {
  const value = fieldOf(place.schema, word);
  if (value === undefined) return undefined;
  return typeof value === "string" ? value : wrong(place, word, "a string");
}

/** The source of a number; undefined when the word is not there. */
export function numberAt(place: Place, word: string): string | undefined {
  const value = fieldOf(place.schema, word);
  if (value === undefined) return undefined;
  if (value instanceof JsonNumber) return value.source;
  return typeof value === "number" ? String(value) : wrong(place, word, "a number");
}

/** The types that a schema names, or that its words speak of; none when it allows all. */
export function typesOf(place: Place, words: readonly string[]): string[] {
  const { schema } = place;
  const type = fieldOf(schema, "type");
  const names = type === undefined ? [] : Array.isArray(type) ? type : [type];
  const known = [...Object.keys(WORDS_OF_TYPES), "integer", "boolean", "null"];
  for (const name of names) {
    if (typeof name === "string" && known.includes(name)) continue;
    return wrong(place, "type", `types among ${known.join(", ")}`);
  }
  if (Array.isArray(type) && type.length === 0) wrong(place, "type", "one type at least");
  const named = names as string[];
  if (type === undefined) {
    for (const [name, own] of Object.entries(WORDS_OF_TYPES)) {
      if (own.some((word) => words.includes(word))) named.push(name);
    }
  }
  const isNullable = fieldOf(schema, "nullable") === true && named.length > 0;
  return [...new Set(isNullable ? [...named, "null"] : named)];
}

/** The one word that combines; undefined when there is none. */
export function combiningWord(place: Place, words: readonly string[]): string | undefined {
  const combining = words.filter((word) => (COMBINING as readonly string[]).includes(word));
  const [first] = combining;
  if (first === undefined) return undefined;
  const isListing = combining.every((word) => word === "enum" || word === "const");
  const others = words.filter((word) => word !== first);
  if (!isListing && others.length > 0) {
    const text = `cannot be held to together with ${others.join(", ")}; write one schema that says all of it`;
    throw new ConstraintError(pathTo(place.path, first), text);
  }
  return first;
}

/** Whether a value is a schema. */
export function isSchema(value: Json | undefined): value is JsonObject | boolean {
  return typeof value === "boolean" || isJsonObject(value);
}
