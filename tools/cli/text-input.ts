/**
 * What the commands about text read: a file or stdin, and a tokenizer.
 * @module
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Json, parseJson } from "../../tokenizer/chat/index.ts";
import { createTokenizer, type Tokenizer } from "../../tokenizer/index.ts";
import {
  BUILTIN_TEMPLATE,
  type ChatTemplate,
  chatTemplateOf,
  type TemplateChoice,
} from "../library/chat-template.ts";
import { withFiles } from "../node/file-source.ts";
import { loadJinja } from "../node/jinja.ts";
import { demoModel } from "../node/our-package.ts";
import { UserError } from "../node/user-error.ts";
import type { TextIn } from "./terminal.ts";

/** A text that was read. */
export interface Input {
  readonly text: string;
  /** The file's name or `stdin`, for error messages. */
  readonly name: string;
}

/**
 * Reads a whole file, or stdin when no file is named. Nothing is removed: a newline at the end and
 * a byte order mark are part of the text.
 *
 * @throws {UserError} when the bytes are not UTF-8
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

/** Parses the input as JSON. The order of keys and the spelling of numbers are kept. */
export function inputJson({ text, name }: Input): Json {
  return parseJson(text, name);
}

/**
 * Reads a tokenizer. `path` is a tokenizer.json or a folder that has one; without `path`, the
 * tokenizer of the demo model is read.
 *
 * @throws {UserError} when there is no such file
 * @throws {TokenizerError} when the file asks for something that this tokenizer does not support
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

/** The chat template in the folder of a tokenizer; GLM-5.2's, where no folder is named. */
export async function readChatTemplate(
  path: string | undefined,
  choice: TemplateChoice,
): Promise<ChatTemplate> {
  const isFolder = path !== undefined && (await stat(path).catch(() => undefined))?.isDirectory();
  if (!isFolder) return BUILTIN_TEMPLATE;
  return withFiles(path, async (files) => {
    const template = await chatTemplateOf(files, { choice });
    if (template.refusal === undefined) return template;
    const tokenizer = await readTokenizer(path);
    return chatTemplateOf(files, { choice, tokenizer, loadEngine: loadJinja });
  });
}
