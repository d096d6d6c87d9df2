/**
 * The model of a case as a GGUF file, for llama.cpp. The pack holds this file, but the npm package
 * leaves it out. There it is made when somebody wants it.
 * @module
 */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { writeGguf } from "../../convert/gguf/write-gguf.ts";
import { UserError } from "../../node/user-error.ts";
import { byteVocabulary } from "./byte-vocabulary.ts";
import { readCase } from "./case.ts";

/** The file's name in a case. */
export const CASE_GGUF = "model.gguf";

/** Writes the model of the case in `dir`, or says why llama.cpp's architecture cannot hold it. */
export async function writeCaseGguf(dir: string, file: string): Promise<true | string> {
  const { latentEps } = await readCase(dir);
  await rm(file, { force: true });
  try {
    await writeGguf(join(dir, "model"), file, "f32", {
      ...{ name: basename(dir), latentEps, tokenizer: byteVocabulary },
    });
    return true;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/**
 * Gives `use` the file of the case. Where the case has none, one is made for the time of the call.
 *
 * @throws {UserError} when llama.cpp's architecture cannot hold the model
 */
export async function withCaseGguf<T>(dir: string, use: (file: string) => Promise<T>): Promise<T> {
  const stored = join(dir, CASE_GGUF);
  if (existsSync(stored)) return use(stored);
  const scratch = await mkdtemp(join(tmpdir(), "glm52-"));
  try {
    const file = join(scratch, CASE_GGUF);
    const written = await writeCaseGguf(dir, file);
    if (written !== true) throw new UserError(dir, written);
    return await use(file);
  } finally {
    await rm(scratch, { recursive: true });
  }
}
