/**
 * Turns the content of a message into the text that the model sees.
 *
 * Next: render.ts
 * @module
 */
import * as shape from "./json-shape.ts";
import { field, type Place } from "./json-shape.ts";
import { fieldOf, isJsonObject } from "./json-value.ts";

/** The content of a tool message. */
export type ToolContent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "outputs"; readonly outputs: readonly string[] }
  /** Names of tools whose definitions are to be shown. */
  | { readonly kind: "references"; readonly names: readonly string[] };

/** What the reminder calls a medium, by the type of the part. */
const MEDIA: ReadonlyMap<unknown, string> = new Map([
  ["image", "image"],
  ["image_url", "image"],
  ["video", "video"],
  ["video_url", "video"],
  ["audio", "audio"],
  ["audio_url", "audio"],
  ["input_audio", "audio"],
]);

/** Returns the text of a content, which is a string or a list of parts. */
export function visibleText(place: Place): string {
  const { value } = place;
  if (typeof value === "string") return value;
  if (value === null) return ""; // the template prints "None"; servers normalize as here
  if (!Array.isArray(value)) return shape.wrong(place, "a string, an array or null");
  return shape.items(place, partText).join("");
}

function partText(place: Place): string {
  const { value, path } = place;
  if (typeof value === "string") return value;
  if (!isJsonObject(value)) return shape.wrong(place, "a string or an object");
  const type = shape.optional(field(value, path, "type"), shape.string);
  if (type === "text") return shape.string(field(value, path, "text"));
  const medium = MEDIA.get(type);
  if (medium === undefined) return ""; // the model was not trained on this type
  return (
    `<reminder>You are unable to process this ${medium} because you don't have ` +
    "multi-modal input ability. Try different methods.</reminder>"
  );
}

/** Reads the content of a tool message. The first item of a list decides what the list is. */
export function toolContent(place: Place): ToolContent {
  const { value } = place;
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  if (isJsonObject(first) && fieldOf(first, "type") === "tool_reference") {
    return { kind: "references", names: shape.items(place, referredName).flat() };
  }
  if (isJsonObject(first) && fieldOf(first, "output") !== undefined) {
    const output = (item: Place) => shape.string(field(shape.object(item), item.path, "output"));
    return { kind: "outputs", outputs: shape.items(place, output) };
  }
  return { kind: "text", text: visibleText(place) };
}

function referredName(place: Place): string[] {
  const item = shape.object(place);
  const name = field(item, place.path, "name");
  // Beside references, the template prints nothing of other items.
  return fieldOf(item, "type") === "tool_reference" ? [shape.name(name)] : [];
}
