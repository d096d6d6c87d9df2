/**
 * Schemas of fields that the Responses API and the Messages API share.
 * @module
 */
import * as v from "valibot";

/**
 * A text, or what another schema says. The value decides which of the two is meant, so that an error
 * tells what is wrong inside a list instead of asking for a text.
 */
export function textOr<S extends v.GenericSchema>(
  other: S,
): v.GenericSchema<unknown, string | v.InferOutput<S>> {
  const text = v.string();
  return v.lazy((value) =>
    value === undefined ? v.union([text, other]) : typeof value === "string" ? text : other,
  );
}

/** How long the model may think. */
export const effort = v.picklist(["none", "minimal", "low", "medium", "high", "xhigh", "max"]);
