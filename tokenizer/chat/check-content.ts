/**
 * Turns the content of a message into the text that the model sees.
 *
 * Next: tool-results.ts
 * @module
 */
import { TokenizerError } from "../tokenizer-error.ts";
import * as shape from "./json-shape.ts";
import { field, type Place, type Unknown } from "./json-shape.ts";
import { entriesOf, fieldOf, isJsonObject, type JsonObject, pathTo } from "./json-value.ts";

/** How contents are read, which depends on the format of the prompt. */
export interface Rules {
  /** What happens to what no prompt shows. */
  readonly unknown: Unknown;
  /** Whether there is a text to stand in the place of an image, video or sound. */
  readonly media: "reminder" | "refused";
  /** Whether each item of a list in a tool message is a result of its own. */
  readonly splitsResults: boolean;
}

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
  ["input_image", "image"], // OpenAI's Responses
]);

/** The types of parts that are text. The last two are those of OpenAI's Responses. */
const TEXT_TYPES: readonly unknown[] = ["text", "input_text", "output_text"];

/** Keys of a part of text. What they hold besides the text is never printed. */
const TEXT_KEYS = ["type", "text", "annotations", "logprobs", "cache_control"] as const;

/** Returns the text of a content, which is a string or a list of parts. */
export function visibleText(place: Place, rules: Rules): string {
  const { value } = place;
  if (typeof value === "string") return value;
  if (value === null) return ""; // the template prints "None"; servers normalize as here
  if (!Array.isArray(value)) return shape.wrong(place, "a string, an array or null");
  return shape.items(place, (part) => partText(part, rules)).join("");
}

function partText(place: Place, rules: Rules): string {
  const { value, path } = place;
  if (typeof value === "string") return value;
  if (!isJsonObject(value)) return shape.wrong(place, "a string or an object");
  const type = shape.optional(field(value, path, "type"), shape.string);
  if (TEXT_TYPES.includes(type)) {
    shape.keys(value, path, TEXT_KEYS, rules.unknown);
    return shape.string(field(value, path, "text"));
  }
  const medium = MEDIA.get(type);
  if (medium === undefined) return unknownPart(value, path, rules);
  if (rules.media === "refused") {
    const what = "text, because this chat format leaves a place for it that nothing can fill here";
    throw new TokenizerError(pathTo(path, "type"), what, JSON.stringify(type));
  }
  return mediaReminder(medium);
}

/** The text that the template prints in the place of a medium that the model cannot see. */
export function mediaReminder(medium: string): string {
  return (
    `<reminder>You are unable to process this ${medium} because you don't have ` +
    "multi-modal input ability. Try different methods.</reminder>"
  );
}

/** The template leaves such a part out. That is no loss only if there is nothing in it. */
function unknownPart(part: JsonObject, path: string, rules: Rules): string {
  const isEmpty = entriesOf(part).every(([key, value]) => key === "type" || value === null);
  if (rules.unknown === "drop" || isEmpty) return "";
  return shape.oneOf(field(part, path, "type"), [...TEXT_TYPES, ...MEDIA.keys()] as string[]) && "";
}

/** Reads the content of a tool message. The first item of a list decides what the list is. */
export function toolContent(place: Place, rules: Rules): ToolContent {
  const { value } = place;
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  if (rules.splitsResults && Array.isArray(value)) {
    return { kind: "outputs", outputs: shape.items(place, (item) => oneResult(item, rules)) };
  }
  if (isJsonObject(first) && fieldOf(first, "type") === "tool_reference") {
    const names = shape.items(place, (item) => referredName(item, rules));
    return { kind: "references", names: names.flat() };
  }
  if (isJsonObject(first) && fieldOf(first, "output") !== undefined) {
    return { kind: "outputs", outputs: shape.items(place, (item) => outputOf(item, rules)) };
  }
  return { kind: "text", text: visibleText(place, rules) };
}

function outputOf(place: Place, rules: Rules): string {
  const object = shape.object(place);
  shape.keys(object, place.path, ["type", "output"], rules.unknown);
  return shape.string(field(object, place.path, "output"));
}

/** Reads a result where GLM-5's template would print anything else in Python's form. */
function oneResult(place: Place, rules: Rules): string {
  return typeof place.value === "string" ? place.value : outputOf(place, rules);
}

function referredName(place: Place, rules: Rules): string[] {
  const item = shape.object(place);
  const name = field(item, place.path, "name");
  if (fieldOf(item, "type") === "tool_reference") return [shape.name(name)];
  // Beside references, the template prints nothing of other items.
  return rules.unknown === "drop"
    ? []
    : shape.oneOf(field(item, place.path, "type"), ["tool_reference"]) && [];
}
