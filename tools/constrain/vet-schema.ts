/**
 * Reads a JSON schema, and refuses what no constraint holds to.
 *
 * Every word of it is held to, says nothing about values (`title`, `default`, …), or is an error that
 * says where it stands. What is allowed may be narrower than the schema where that is no loss: objects have
 * their declared properties in the order of the schema, and a pattern matches the whole string.
 *
 * Next: shape-forms.ts
 * @see JSON Schema 2020-12, Core and Validation
 * @module
 */
import { ConstraintError } from "../../engine/index.ts";
import { parseJson } from "../../tokenizer/chat/json-parse.ts";
import { resolve } from "../../tokenizer/chat/json-pointer.ts";
import {
  entriesOf,
  fieldOf,
  isJsonObject,
  type Json,
  pathTo,
} from "../../tokenizer/chat/json-value.ts";
import { TokenizerError } from "../../tokenizer/index.ts";
import { areApart, fits } from "./fits.ts";
import { readNumber, readString } from "./scalar-shapes.ts";
import {
  combiningWord,
  count,
  isSchema,
  listAt,
  type Place,
  textAt,
  typesOf,
  wordsOf,
  wrong,
} from "./schema-words.ts";
import type { ListShape, ObjectShape, Property, Shape, Shapes } from "./shape.ts";

/** Schemas inside each other, through references, too. */
const MAX_DEPTH = 64;

/** Properties of one object. */
const MAX_PROPERTIES = 256;

/** Schemas in one schema. */
const MAX_SCHEMAS = 4096;

/** Values that all `enum` of one schema list. */
const MAX_VALUES = 4096;

/** Nothing. */
const NONE: Shape = { kind: "union", parts: [] };
const ANY: Shape = { kind: "any" };

/**
 * Reads the JSON text of a schema.
 *
 * @param where what to call the schema in an error
 * @throws {ConstraintError} when it is no JSON, is too large, or has a word that is not held to
 */
export function vetSchema(source: string, where: string): Shapes {
  let schema: Json;
  try {
    schema = parseJson(source, where);
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    throw new ConstraintError(error.where, error.what, { cause: error });
  }
  const reader = new SchemaReader(schema, where);
  return { root: reader.read(schema, where, 0), references: reader.references };
}

class SchemaReader {
  readonly references = new Map<string, Shape>();
  readonly #root: Json;
  readonly #where: string;
  #nSchemas = 0;
  #nValues = 0;

  constructor(root: Json, where: string) {
    this.#root = root;
    this.#where = where;
  }

  read(schema: Json | undefined, path: string, depth: number): Shape {
    if (++this.#nSchemas > MAX_SCHEMAS) {
      throw new ConstraintError(this.#where, `expected at most ${MAX_SCHEMAS} schemas, got more`);
    }
    if (depth > MAX_DEPTH) {
      throw new ConstraintError(
        path,
        `expected at most ${MAX_DEPTH} schemas in each other, got more`,
      );
    }
    if (typeof schema === "boolean") return schema ? ANY : NONE;
    if (!isJsonObject(schema))
      throw new ConstraintError(path, "expected a schema, got another value");
    const place = { schema, path };
    const words = wordsOf(place);
    const combining = combiningWord(place, words);
    switch (combining) {
      case undefined:
        return this.#ofTypes(place, words, depth);
      case "$ref":
        return this.#reference(place, depth);
      case "enum":
      case "const":
        return this.#values(place, words, depth);
      default:
        return this.#combination(place, combining, depth);
    }
  }

  #reference(place: Place, depth: number): Shape {
    const to = textAt(place, "$ref") ?? "";
    if (!/^#(\/|$)/.test(to)) {
      wrong(place, "$ref", "a place in the same schema, which begins with #/");
    }
    if (!this.references.has(to)) {
      const target = resolve(to, this.#root);
      if (!isSchema(target)) wrong(place, "$ref", "the place of a schema");
      this.references.set(to, ANY); // it may refer to itself
      this.references.set(to, this.read(target, `${this.#where}${to.slice(1)}`, depth + 1));
    }
    return { kind: "reference", to };
  }

  /** The listed values that the other words allow. */
  #values(place: Place, words: readonly string[], depth: number): Shape {
    const { schema, path } = place;
    const listed = listAt(place, "enum");
    const constant = fieldOf(schema, "const");
    const values = listed ?? [constant as Json];
    this.#nValues += values.length;
    if (this.#nValues > MAX_VALUES) {
      wrong(place, "enum", `at most ${MAX_VALUES} values in the whole schema`);
    }
    const others = words.filter((word) => word !== "enum" && word !== "const");
    const shape = others.length === 0 ? ANY : this.#ofTypes(place, others, depth);
    const isConstant = (value: Json) =>
      constant === undefined ||
      fits({ kind: "values", values: [constant] }, value, this.references);
    const left = values.filter((value) => isConstant(value) && fits(shape, value, this.references));
    if (left.length === 0) {
      const word = listed ? "enum" : "const";
      throw new ConstraintError(
        pathTo(path, word),
        "expected a value that the other words allow, got none",
      );
    }
    return { kind: "values", values: left };
  }

  #combination(place: Place, word: string, depth: number): Shape {
    const { path } = place;
    const list = listAt(place, word) ?? [];
    if (list.length === 0) wrong(place, word, "one schema at least");
    const parts = list.map((part, i) => this.read(part, pathTo(pathTo(path, word), i), depth + 1));
    if (word === "allOf") {
      if (parts.length > 1)
        wrong(place, word, "one schema; write one that says what all of them say");
      return parts[0] as Shape;
    }
    if (word === "oneOf") {
      parts.forEach((part, i) => {
        for (const other of parts.slice(0, i)) {
          if (areApart(part, other, this.references)) continue;
          wrong(place, word, "schemas of which no value fits two (else write anyOf)");
        }
      });
    }
    return { kind: "union", parts };
  }

  #ofTypes(place: Place, words: readonly string[], depth: number): Shape {
    const types = typesOf(place, words);
    if (types.length === 0) return ANY;
    // Every integer is a number.
    const parts = types
      .filter((type) => type !== "integer" || !types.includes("number"))
      .map((type) => this.#ofType(place, type, depth));
    return parts.length === 1 ? (parts[0] as Shape) : { kind: "union", parts };
  }

  #ofType(place: Place, type: string, depth: number): Shape {
    switch (type) {
      case "null":
        return { kind: "values", values: [null] };
      case "boolean":
        return { kind: "values", values: [true, false] };
      case "string":
        return readString(place);
      case "array":
        return this.#list(place, depth);
      case "object":
        return this.#object(place, depth);
      default:
        return readNumber(place, type === "integer");
    }
  }

  #list(place: Place, depth: number): ListShape {
    const { schema, path } = place;
    const inner = (word: string, value: Json | undefined) =>
      this.read(value, pathTo(path, word), depth + 1);
    const [items, more] = [fieldOf(schema, "items"), fieldOf(schema, "additionalItems")];
    const isOldTuple = Array.isArray(items);
    const firstWord = isOldTuple ? "items" : "prefixItems";
    const restWord = isOldTuple ? "additionalItems" : "items";
    if (!isOldTuple && more !== undefined) wrong(place, "additionalItems", "items that are a list");
    const first = (listAt(place, firstWord) ?? []).map((item, i) =>
      this.read(item, pathTo(pathTo(path, firstWord), i), depth + 1),
    );
    const others = isOldTuple ? more : items;
    const rest = others === undefined ? ANY : inner(restWord, others);
    const minItems = count(place, "minItems") ?? 0;
    const maxItems = count(place, "maxItems");
    if ((maxItems ?? minItems) < minItems) wrong(place, "maxItems", `at least ${minItems}`);
    const unique = fieldOf(schema, "uniqueItems");
    if (unique !== undefined && unique !== false && (maxItems ?? 2) > 1) {
      wrong(place, "uniqueItems", "false: whether items differ cannot be held to");
    }
    return { kind: "list", first, rest: isNone(rest) ? undefined : rest, minItems, maxItems };
  }

  #object(place: Place, depth: number): ObjectShape {
    const { schema, path } = place;
    const declared = fieldOf(schema, "properties") ?? new Map();
    if (!isJsonObject(declared)) wrong(place, "properties", "an object");
    const names = fieldOf(schema, "propertyNames");
    if (
      names !== undefined &&
      !isAnyString(this.read(names, pathTo(path, "propertyNames"), depth))
    ) {
      wrong(place, "propertyNames", "any strings: names are listed in properties");
    }
    const required = (listAt(place, "required") ?? []).map((name) =>
      typeof name === "string" ? name : wrong(place, "required", "a list of names"),
    );
    const others = fieldOf(schema, "additionalProperties");
    const rest =
      others === undefined
        ? ANY
        : this.read(others, pathTo(path, "additionalProperties"), depth + 1);
    const properties: Property[] = [];
    for (const [name, value] of entriesOf(declared)) {
      const at = pathTo(pathTo(path, "properties"), name);
      const shape = this.read(value, at, depth + 1);
      if (!isNone(shape)) properties.push({ name, shape, isRequired: required.includes(name) });
    }
    for (const name of new Set(required)) {
      if (properties.some((property) => property.name === name)) continue;
      const isForbidden = isNone(rest) || fieldOf(declared, name) !== undefined;
      if (isForbidden) wrong(place, "required", `properties that may be there: ${name} may not`);
      properties.push({ name, shape: rest, isRequired: true });
    }
    if (properties.length > MAX_PROPERTIES) {
      wrong(place, "properties", `at most ${MAX_PROPERTIES} properties`);
    }
    const isOpen = !isNone(rest) && properties.length === 0;
    const sizes = this.#sizes(place, properties, isOpen);
    return { kind: "object", properties, rest: isOpen ? rest : undefined, ...sizes };
  }

  /** How many properties there may be. Which of the declared ones are there is not counted. */
  #sizes(place: Place, properties: readonly Property[], isOpen: boolean) {
    const minProperties = count(place, "minProperties") ?? 0;
    const maxProperties = count(place, "maxProperties");
    const nRequired = properties.filter(({ isRequired }) => isRequired).length;
    if ((maxProperties ?? minProperties) < minProperties) {
      wrong(place, "maxProperties", `at least ${minProperties}`);
    }
    // Two equal keys of an open object are one property.
    if (minProperties > (isOpen ? 1 : nRequired)) {
      wrong(place, "minProperties", "no more than are required (1 where none is declared)");
    }
    if (!isOpen && (maxProperties ?? properties.length) < properties.length) {
      wrong(place, "maxProperties", "as many as are declared, or more");
    }
    return { minProperties, maxProperties };
  }
}

/** Whether every string fits a shape. */
export function isAnyString(shape: Shape): boolean {
  if (shape.kind === "any") return true;
  if (shape.kind !== "string") return false;
  return shape.form === undefined && shape.minLength === 0 && shape.maxLength === undefined;
}

function isNone(shape: Shape): boolean {
  return shape.kind === "union" && shape.parts.length === 0;
}
