/**
 * Follows the references of a JSON schema.
 * @see RFC 6901, JavaScript Object Notation (JSON) Pointer
 * @module
 */
import { fieldOf, isJsonObject, type Json } from "./json-value.ts";

/** Follows a reference, a JSON pointer inside the same schema. */
export function resolve(ref: string, root: Json): Json | undefined {
  if (!ref.startsWith("#")) return undefined;
  let value: Json | undefined = root;
  for (const step of ref.slice(1).split("/").slice(1)) {
    const key = pointerKey(step);
    if (Array.isArray(value)) value = (value as readonly Json[])[Number(key)];
    else value = isJsonObject(value) ? fieldOf(value, key) : undefined;
  }
  return value;
}

/** The key that a step of a JSON pointer names, e.g. `a~1b%20c` names `a/b c`. */
function pointerKey(step: string): string {
  let key = step;
  try {
    key = decodeURIComponent(step);
  } catch {
    // A lone % is only a %.
  }
  return key.replaceAll("~1", "/").replaceAll("~0", "~");
}
