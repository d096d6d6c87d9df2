/**
 * Reads files of entries: a JSON array, or JSON Lines, which have one value in each line.
 * @module
 */
import { parseJson } from "../../tokenizer/chat/index.ts";
import * as shape from "../../tokenizer/chat/json-shape.ts";
import { TokenizerError } from "../../tokenizer/tokenizer-error.ts";

/**
 * Returns the entries of a file, and where each stands.
 *
 * @param name of the file, for errors
 * @throws {TokenizerError} when it is no JSON, or has no entries
 */
export function entriesIn(text: string, name: string): readonly shape.Place[] {
  const entries = text.trimStart().startsWith("[")
    ? shape.items({ value: parseJson(text, name), path: name }, (place) => place)
    : text.split("\n").flatMap((line, i): shape.Place[] => {
        const path = `${name}: line ${i + 1}`;
        return line.trim() === "" ? [] : [{ value: parseJson(line, path), path }];
      });
  if (entries.length === 0) throw new TokenizerError(name, "one entry at least", "none");
  return entries;
}
