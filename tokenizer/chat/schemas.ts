/**
 * What the JSON schema of a tool says about one argument.
 *
 * Schemas are read as far as the type of an argument depends on them: references inside the same
 * schema, combinations, types, listed values, limits. What is not known here allows everything.
 *
 * Next: typed-values.ts
 * @see JSON Schema 2020-12, Core and Validation
 * @module
 */
import { newWalk, resolve, type Walk } from "./json-pointer.ts";
import { fieldOf, isJsonObject, type Json, type JsonObject } from "./json-value.ts";
import { accepts } from "./validate.ts";

/** The JSON types that a value may have. Undefined when the schema does not say it. */
export type DeclaredTypes = ReadonlySet<string> | undefined;

/** What is known of one argument. */
export interface ArgumentType {
  /** The types that its value may have. */
  readonly types: DeclaredTypes;
  /** Whether the schema allows this value. */
  readonly accepts: (value: Json) => boolean;
}

/** What `parameters`, the schema of all arguments, says about the argument `key`. */
export function argumentType(parameters: JsonObject, key: string): ArgumentType {
  const schema = schemaOf(parameters, key, parameters, true, newWalk());
  return typeOf(schema, parameters);
}

/** Whether `parameters` names an argument `key`. */
export function isDeclared(parameters: JsonObject, key: string): boolean {
  return schemaOf(parameters, key, parameters, false, newWalk()) !== undefined;
}

/** What `schema` says, where references start from `root`. */
export function typeOf(schema: Json | undefined, root: Json): ArgumentType {
  return {
    types: declaredTypes(schema, root, newWalk()),
    accepts: (value) => accepts(schema, value, root, newWalk()),
  };
}

/**
 * Returns the schema of the argument `key`. The arguments may be declared in the schema itself,
 * behind a reference, or in the parts of a combination.
 *
 * @param isOpen whether `additionalProperties` counts too
 */
function schemaOf(
  schema: Json | undefined,
  key: string,
  root: Json,
  isOpen: boolean,
  walk: Walk,
): Json | undefined {
  if (!isJsonObject(schema) || !walk.step()) return undefined;
  const inside = (inner: Json | undefined) => schemaOf(inner, key, root, isOpen, walk);
  const all: Json[] = [];
  const add = (found: Json | undefined) => void (found !== undefined && all.push(found));
  add(ownSchema(schema, key));
  const ref = fieldOf(schema, "$ref");
  if (typeof ref === "string") add(inside(resolve(ref, root)));
  for (const part of listOf(schema, "allOf")) add(inside(part));
  for (const word of ["anyOf", "oneOf"]) {
    const some = listOf(schema, word).map(inside);
    const known = some.filter((item) => item !== undefined);
    if (known.length > 0) add({ anyOf: known });
  }
  if (all.length > 0) return all.length === 1 ? all[0] : { allOf: all };
  const rest = isOpen ? fieldOf(schema, "additionalProperties") : undefined;
  return isJsonObject(rest) ? rest : undefined;
}

function ownSchema(schema: JsonObject, key: string): Json | undefined {
  const properties = fieldOf(schema, "properties");
  return isJsonObject(properties) ? fieldOf(properties, key) : undefined;
}

/** Returns the types that `schema` allows. Each word of it can only take some away. */
function declaredTypes(schema: Json | undefined, root: Json, walk: Walk): DeclaredTypes {
  if (!isJsonObject(schema) || !walk.step()) return undefined;
  const typesOf = (inner: Json | undefined) => declaredTypes(inner, root, walk);
  const get = (key: string) => fieldOf(schema, key);
  const [type, ref, options, constant] = [get("type"), get("$ref"), get("enum"), get("const")];
  const sets: DeclaredTypes[] = [];
  if (typeof type === "string" || Array.isArray(type)) sets.push(namedTypes(schema));
  if (typeof ref === "string") sets.push(typesOf(resolve(ref, root)));
  for (const word of ["anyOf", "oneOf"]) {
    if (Array.isArray(get(word))) sets.push(union(listOf(schema, word).map(typesOf)));
  }
  sets.push(...listOf(schema, "allOf").map(typesOf));
  if (Array.isArray(options)) sets.push(new Set(options.map(typeOfValue)));
  if (constant !== undefined) sets.push(new Set([typeOfValue(constant)]));
  const types = sets.reduce(intersection, undefined);
  if (types !== undefined || sets.length > 0) return types;
  if (get("properties") !== undefined) return new Set(["object"]);
  return get("items") === undefined ? undefined : new Set(["array"]);
}

function namedTypes(schema: JsonObject): ReadonlySet<string> {
  const type = fieldOf(schema, "type");
  const names = (Array.isArray(type) ? type : [type]).filter((name) => typeof name === "string");
  return new Set(fieldOf(schema, "nullable") === true ? [...names, "null"] : names);
}

function listOf(schema: JsonObject, word: string): readonly Json[] {
  const list = fieldOf(schema, word);
  return Array.isArray(list) ? list : [];
}

function union(sets: readonly DeclaredTypes[]): DeclaredTypes {
  const types = new Set<string>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const type of set) types.add(type);
  }
  return types;
}

/** Types that both sets allow. An integer is a number. */
function intersection(a: DeclaredTypes, b: DeclaredTypes): DeclaredTypes {
  if (a === undefined || b === undefined) return a ?? b;
  const isIn = (type: string, set: ReadonlySet<string>) =>
    set.has(type) || (type === "integer" && set.has("number"));
  const common = [...a].filter((type) => isIn(type, b));
  return new Set([...common, ...[...b].filter((type) => isIn(type, a))]);
}

function typeOfValue(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (isJsonObject(value)) return "object";
  return typeof value === "string" || typeof value === "boolean" ? typeof value : "number";
}

/** Whether a value of these types is the text as it stands, so that its parts can be passed on. */
export function isPlainText(types: DeclaredTypes): boolean {
  return types?.size === 1 && types.has("string");
}
