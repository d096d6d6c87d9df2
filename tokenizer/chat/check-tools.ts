/**
 * Checks the tools of a conversation.
 *
 * Next: check-message.ts
 * @module
 */
import * as shape from "./json-shape.ts";
import { field, type Place, type Unknown } from "./json-shape.ts";
import { checkJson, entriesOf, type Json, type JsonObject } from "./json-value.ts";

/** A checked tool. */
export interface CheckedTool {
  readonly name: string;
  readonly isDeferred: boolean;
  /** The keys that are printed, with their values. */
  readonly entries: readonly (readonly [string, Json])[];
  /** The tool as it was given, with its envelope. */
  readonly whole: Json;
  readonly parameters: JsonObject | undefined;
}

/** Checks a list of tools. Where there is no list there are no tools. */
export function checkTools(place: Place, unknown: Unknown = "error"): CheckedTool[] {
  return shape.optional(place, () => shape.items(place, (item) => checkTool(item, unknown))) ?? [];
}

/** Keys of a tool that the template leaves out. */
const NOT_PRINTED: readonly string[] = ["defer_loading", "strict"];

/** Keys beside `function`, none of which would be printed. */
const ENVELOPE = ["type", "function", "strict", "cache_control"] as const;

function checkTool(place: Place, unknown: Unknown): CheckedTool {
  const { object, path } = unwrap(place, (inner) => inner !== undefined, ENVELOPE, unknown);
  const get = (key: string) => field(object, path, key);
  shape.optional(get("description"), shape.string);
  shape.optional(get("strict"), shape.boolean);
  const whole = place.value;
  checkJson(whole, place.path);
  return {
    name: shape.name(get("name")),
    isDeferred: shape.optional(get("defer_loading"), shape.boolean) ?? false,
    entries: entriesOf(object).filter(([key]) => !NOT_PRINTED.includes(key)),
    whole,
    parameters: shape.optional(get("parameters"), shape.object),
  };
}

/**
 * Returns what is in the envelope `{ type: "function", function: … }`, or the object itself.
 *
 * @param known the keys that the envelope may have
 */
export function unwrap(
  place: Place,
  isEnvelope: (inner: unknown) => boolean,
  known: readonly string[],
  unknown: Unknown,
): { readonly object: JsonObject; readonly path: string } {
  const outer = shape.object(place);
  const inner = field(outer, place.path, "function");
  if (!isEnvelope(inner.value)) return { object: outer, path: place.path };
  shape.keys(outer, place.path, known, unknown);
  return { object: shape.object(inner), path: inner.path };
}
