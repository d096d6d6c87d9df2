/**
 * Turns the text of an argument into a value of the type that the tool declares.
 *
 * The protocol writes a string as it is and any other value as JSON. So `5` may be either, and the
 * schema decides. Where it allows both, e.g. `["string", "integer"]`, the value that is no string
 * is taken, as SGLang and llama.cpp do. Nothing here throws: a text that cannot be read as a value
 * is a string.
 *
 * Next: call-builder.ts
 * @see vLLM `tool_parsers/glm4_moe_tool_parser.py` · SGLang `function_call/glm47_moe_detector.py`
 * @module
 */
import { parseJson, parsePythonLiteral } from "./json-parse.ts";
import { entriesOf, isJsonObject, type Json, JsonNumber } from "./json-value.ts";
import { type ArgumentType, isPlainText } from "./schemas.ts";

/** Returns the value that `text` stands for. Strings keep their blanks. */
export function typedValue(text: string, { types, accepts }: ArgumentType): Json {
  if (isPlainText(types)) return text;
  const trimmed = text.trim();
  const allowsText = types?.has("string") === true;
  let value = jsonOf(trimmed);
  if (value === undefined && !allowsText) value = attempt(parsePythonLiteral, trimmed);
  const isNumeric = types?.has("integer") || types?.has("number");
  const inner = typeof value === "string" && isNumeric ? jsonOf(value) : undefined;
  const number = inner instanceof JsonNumber ? inner : undefined; // a number in quotes
  const candidates = [
    typeof value === "string" ? undefined : value,
    ...(allowsText ? [text, trimmed] : []),
    number,
    value,
  ];
  const fitting = candidates.find((item) => item !== undefined && accepts(item));
  if (fitting !== undefined) return fitting;
  if (allowsText || value === undefined) return text;
  return number ?? value;
}

function jsonOf(text: string): Json | undefined {
  return attempt(parseJson, text);
}

/** Returns what `read` makes of `text`, or undefined when it throws. `null` is a value. */
function attempt(read: (text: string) => Json, text: string): Json | undefined {
  try {
    return finite(read(text));
  } catch {
    return undefined;
  }
}

/**
 * Replaces numbers that no double holds by their texts. Python reads `1e400` as infinity, and writes
 * it as `Infinity`, which is not JSON.
 */
export function finite(value: Json): Json {
  if (value instanceof JsonNumber) return Number.isFinite(value.valueOf()) ? value : value.source;
  if (Array.isArray(value)) return value.map(finite);
  if (!isJsonObject(value)) return value;
  return new Map(entriesOf(value).map(([key, item]) => [key, finite(item)]));
}
