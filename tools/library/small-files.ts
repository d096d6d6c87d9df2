/**
 * Reads the small files of a model whole. How long each may be is known before it is read: a file
 * from a stranger may be of any size.
 *
 * Next: model-config.ts
 * @module
 */
import { ArgumentError, type CheckpointFiles, readExactly } from "../../engine/index.ts";

/** The most bytes that a file may have. Those of real models have a tenth of it, or less. */
const MOST_BYTES = {
  "config.json": 8_000_000,
  "generation_config.json": 1_000_000,
  "tokenizer.json": 64_000_000,
  "chat_template.jinja": 4_000_000,
  "chat_template.json": 4_000_000,
  "tokenizer_config.json": 16_000_000,
} as const;

/** The name of a small file of a model. */
export type SmallFile = keyof typeof MOST_BYTES;

/**
 * All of one file, or undefined when there is none of this name.
 *
 * @throws {ArgumentError} when it is too long, and the errors of who opens it
 */
export async function readSmall(
  files: CheckpointFiles,
  name: SmallFile,
): Promise<Uint8Array | undefined> {
  if (!(await files.list()).includes(name)) return undefined;
  const source = await files.open(name);
  if (source.size > MOST_BYTES[name]) {
    throw new ArgumentError(name, `expected at most ${MOST_BYTES[name]} bytes, got ${source.size}`);
  }
  return readExactly(source, 0, source.size);
}
