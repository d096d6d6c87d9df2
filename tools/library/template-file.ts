/**
 * Finds the chat template among the files of a model.
 *
 * Next: chat-template.ts
 * @module
 */
import { ArgumentError, type CheckpointFiles } from "../../engine/index.ts";
import { parseJson } from "../../engine/weights/json.ts";
import { readSmall } from "./small-files.ts";
import { readText } from "./tokenizer-files.ts";

/** A chat template, and where it was found. */
export interface TemplateFile {
  /** The file that it stands in. */
  readonly file: string;
  /** The template, in the language Jinja. */
  readonly text: string;
}

/** The files that may hold a template, as HF transformers looks for them. The first one counts. */
const JINJA_FILE = "chat_template.jinja";
const JSON_FILES = ["chat_template.json", "tokenizer_config.json"] as const;

/**
 * The chat template among some files, or undefined when there is none.
 *
 * @throws {ArgumentError} when a file has something else in the place of a template
 */
export async function readTemplate(files: CheckpointFiles): Promise<TemplateFile | undefined> {
  const jinja = await readText(files, JINJA_FILE);
  if (jinja !== undefined) return { file: JINJA_FILE, text: jinja };
  for (const file of JSON_FILES) {
    const bytes = await readSmall(files, file);
    const json = bytes && parseJson(file, bytes, "any");
    if (typeof json !== "object" || json === null || Array.isArray(json)) continue;
    const text = textOf(file, (json as { readonly chat_template?: unknown }).chat_template);
    if (text !== undefined) return { file, text };
  }
  return undefined;
}

/** A template, or a list of named ones, of which the default is taken. */
function textOf(file: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  for (const item of list) {
    const { name, template } = (item ?? {}) as { name?: unknown; template?: unknown };
    if (name === "default" && typeof template === "string") return template;
  }
  const where = `${file}: chat_template`;
  throw new ArgumentError(where, "expected a text, or a list with a template named default");
}
