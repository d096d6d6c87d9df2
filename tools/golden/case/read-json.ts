/**
 * Reads the JSON files of a case or a pack.
 *
 * Next: case.ts
 * @module
 */
import { readExactly } from "../../../engine/index.ts";
import { parseJson } from "../../../engine/weights/json.ts";
import { handleSource, openRegular } from "../../node/file-source.ts";
import { UserError } from "../../node/user-error.ts";

/** The longest such file. Those of the pack have a thousandth of it. */
const MOST_BYTES = 64_000_000;

/** Whether a parsed value is what a file should hold. */
export type IsKind<T> = (json: Readonly<Record<string, unknown>>) => json is T & typeof json;

/**
 * Reads an object.
 *
 * @param what the object in words, for the error
 * @throws {UserError} when the file is no regular file or too long, or holds something else
 * @throws {WeightsError} when it is no JSON
 */
export async function readJson<T>(file: string, what: string, is: IsKind<T>): Promise<T> {
  const handle = await openRegular(file, file);
  try {
    const source = await handleSource(file, handle);
    if (source.size > MOST_BYTES) {
      throw new UserError(file, `expected at most ${MOST_BYTES} bytes, got ${source.size}`);
    }
    const json = parseJson(file, await readExactly(source, 0, source.size), "any");
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    if (isObject && is(json as Readonly<Record<string, unknown>>)) return json as T;
    throw new UserError(file, `expected ${what}`);
  } finally {
    await handle.close();
  }
}
