/**
 * Turns the text of an argument into a value of the type that the tool declares.
 *
 * The protocol writes a string as it is and any other value as JSON. So `5` may be either, and the
 * schema decides. Nothing here throws: a text that cannot be read as a value is a string.
 *
 * Next: call-builder.ts
 * @see vLLM `tool_parsers/glm4_moe_tool_parser.py` · SGLang `function_call/glm47_moe_detector.py`
 * @module
 */
import { parseJson, parsePythonLiteral } from "./json-parse.ts";
import { fieldOf, isJsonObject, type Json, JsonNumber, kindOf } from "./json-value.ts";

/** The JSON types that a value may have. Undefined when the schema does not say it. */
export type DeclaredTypes = ReadonlySet<string> | undefined;

/** Levels of references and combinations that are followed. A schema may refer to itself. */
const MAX_DEPTH = 16;

/**
 * Returns the types that `schema` allows.
 *
 * @param root the schema that a `$ref` like `#/$defs/Point` starts from
 */
export function declaredTypes(schema: Json | undefined, root: Json, depth = 0): DeclaredTypes {
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return undefined;
  const typesOf = (inner: Json) => declaredTypes(inner, root, depth + 1);
  const get = (key: string) => fieldOf(schema, key);
  const [type, ref, options] = [get("type"), get("$ref"), get("enum")];
  if (typeof type === "string") return new Set([type]);
  if (Array.isArray(type)) return new Set(type.filter((item) => typeof item === "string"));
  if (typeof ref === "string") return typesOf(resolve(ref, root) ?? null);
  for (const key of ["anyOf", "oneOf"]) {
    const choices = get(key);
    if (Array.isArray(choices)) return union(choices.map(typesOf));
  }
  const parts = get("allOf");
  if (Array.isArray(parts)) return parts.map(typesOf).reduce(intersection, undefined);
  if (Array.isArray(options)) return new Set(options.map(typeOfValue));
  const constant = get("const");
  if (constant !== undefined) return new Set([typeOfValue(constant)]);
  if (get("properties") !== undefined) return new Set(["object"]);
  return get("items") === undefined ? undefined : new Set(["array"]);
}

/** Follows a reference, a JSON pointer inside the same schema. */
function resolve(ref: string, root: Json): Json | undefined {
  if (!ref.startsWith("#")) return undefined;
  let value: Json | undefined = root;
  for (const step of ref.slice(1).split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(value)) value = (value as readonly Json[])[Number(key)];
    else value = isJsonObject(value) ? fieldOf(value, key) : undefined;
  }
  return value;
}

function union(sets: readonly DeclaredTypes[]): DeclaredTypes {
  const types = new Set<string>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const type of set) types.add(type);
  }
  return types;
}

function intersection(a: DeclaredTypes, b: DeclaredTypes): DeclaredTypes {
  if (a === undefined || b === undefined) return a ?? b;
  return new Set([...a].filter((type) => b.has(type)));
}

function typeOfValue(value: Json): string {
  return kindOf(value).replace(/^an? /, "");
}

/** Whether a value of these types is the text as it stands, so that its parts can be passed on. */
export function isPlainText(types: DeclaredTypes): boolean {
  return types?.size === 1 && types.has("string");
}

/** Returns the value that `text` stands for. Strings keep their blanks. */
export function typedValue(text: string, types: DeclaredTypes): Json {
  const trimmed = text.trim();
  if (types?.has("string")) {
    // For "a string or a number", `5` and `true` stay text, as in SGLang. `null`, lists and objects
    // become values where these types are allowed.
    if (types.has("null") && trimmed === "null") return null;
    const isNested = /^[[{]/.test(trimmed) && (types.has("array") || types.has("object"));
    const value = isNested ? attempt(() => parseJson(trimmed)) : undefined;
    return value !== undefined && types.has(typeOfValue(value)) ? value : text;
  }
  let value = attempt(() => parseJson(trimmed));
  if (value === undefined) value = attempt(() => parsePythonLiteral(trimmed));
  if (value === undefined) return text;
  const isNumeric = types?.has("integer") || types?.has("number");
  if (typeof value !== "string" || !isNumeric) return value;
  const inner = attempt(() => parseJson(value)); // a number in quotes
  return inner instanceof JsonNumber ? inner : value;
}

/** Returns what `read` returns, or undefined when it throws. `null` is a value. */
function attempt(read: () => Json): Json | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
