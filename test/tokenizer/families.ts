/**
 * The tokenizer.json files of real models. They are too large for the repository: they are looked
 * for in `$GLM52_DATA`, or else beside the project.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const { GLM52_DATA, GLM52_FULL } = process.env;
const DATA = GLM52_DATA ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));

export interface Family {
  readonly name: string;
  readonly path: string;
  /** Why its tests cannot run, if they cannot. */
  readonly skip: string | undefined;
}

export const GLM_5_2: Family = family("glm-5.2", "glm-5.2/tokenizer.json");

/** One of each kind. Half of the work with a family is to read its file. */
const KINDS = ["qwen3", "deepseek", "mistral-nemo"];
/** These split texts as GLM-5.2 and Qwen3 do, with other words and other names of tokens. */
const SIBLINGS = GLM52_FULL === "1" ? ["glm-4.6", "qwen2"] : [];

export const FAMILIES: readonly Family[] = [
  GLM_5_2,
  ...[...KINDS, ...SIBLINGS].map((name) => family(name, `tokenizers/${name}.tokenizer.json`)),
];

function family(name: string, file: string): Family {
  const path = `${DATA}/${file}`;
  return { name, path, skip: existsSync(path) ? undefined : `no ${path}; set GLM52_DATA` };
}

/** The title of a test suite over `family`, with the reason if it is skipped. */
export function title(family: Family): string {
  return family.skip === undefined ? family.name : `${family.name} (skipped: ${family.skip})`;
}

/** The first `length` characters of the Declaration of Human Rights in each language there is. */
export function readUdhr(length: number): string[] {
  const folder = `${DATA}/corpus/udhr`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((file) =>
    readFileSync(`${folder}/${file}`, "utf8").slice(0, length),
  );
}

/** Stories in some 140 languages, language by language in turn, about `bytes` of UTF-8 in all. */
export function readStories(bytes: number): string[] {
  const folder = `${DATA}/corpus/ccby_stories`;
  if (!existsSync(folder)) return [];
  const shelves = readdirSync(folder).map((file) =>
    readFileSync(`${folder}/${file}`, "utf8").trimEnd().split("\n"),
  );
  const texts: string[] = [];
  for (let row = 0, left = bytes; left > 0 && shelves.some((shelf) => row < shelf.length); row++) {
    for (const shelf of shelves) {
      if (row >= shelf.length || left <= 0) continue;
      const { text } = JSON.parse(shelf[row]) as { text: string };
      texts.push(text);
      left -= Buffer.byteLength(text);
    }
  }
  return texts;
}

export function readText({ path }: Family): string {
  return readFileSync(path, "utf8");
}
