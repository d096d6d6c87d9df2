/**
 * Follows the references of a JSON schema, and counts the steps, because a schema may refer to itself
 * in many ways at once.
 * @see RFC 6901, JavaScript Object Notation (JSON) Pointer
 * @module
 */
import { fieldOf, isJsonObject, type Json } from "./json-value.ts";

/** Counts the steps of one walk through a schema. */
export interface Walk {
  /** Takes one more step. Returns false when there were too many; then nothing more is known. */
  step(): boolean;
}

/** Steps of one walk. A schema of a tool has a few hundred places. */
const MAX_STEPS = 2000;

/** Begins a walk. */
export function newWalk(): Walk {
  let nSteps = 0;
  return { step: () => ++nSteps <= MAX_STEPS };
}

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
