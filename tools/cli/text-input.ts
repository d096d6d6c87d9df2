import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Json, parseJson } from "../../tokenizer/chat/index.ts";
import { createTokenizer, type Tokenizer } from "../../tokenizer/index.ts";
import { demoModel } from "../node/our-package.ts";
import { UserError } from "../node/user-error.ts";
import type { TextIn } from "./terminal.ts";

/** A text and where it is from, for messages. */
export interface Input {
  readonly text: string;
  readonly name: string;
}

/**
 * The whole of a file, or of stdin, to the byte: a newline at the end and a byte order mark are
 * part of it.
 *
 * @throws {UserError} when it is not UTF-8
 */
export async function readInput(
  file: string | undefined,
  stdin: Pick<TextIn, "isTerminal" | "read">,
): Promise<Input> {
  const bytes = file === undefined ? await stdin.read() : await readFile(file);
  const name = file ?? "stdin";
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, name };
  } catch {
    throw new UserError(name, "expected UTF-8 text, got other bytes");
  }
}

/** The input as JSON, with key order and numbers as they are written. */
export function inputJson({ text, name }: Input): Json {
  return parseJson(text, name);
}

/**
 * The tokenizer of a folder, or of a tokenizer.json itself; of the demo model when none is named.
 *
 * @throws {UserError} when there is none
 * @throws {TokenizerError} when it cannot be taken exactly
 */
export async function readTokenizer(path: string | undefined): Promise<Tokenizer> {
  const place = path ?? (await demoModel());
  const found = await stat(place).catch(() => undefined);
  if (!found) throw new UserError(place, "expected a folder or a tokenizer.json, found nothing");
  const file = found.isDirectory() ? join(place, "tokenizer.json") : place;
  const text = await readFile(file, "utf8").catch(() => {
    throw new UserError(place, "expected a folder with a tokenizer.json, found none in it");
  });
  return createTokenizer(text);
}
