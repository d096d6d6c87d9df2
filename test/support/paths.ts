/**
 * Paths that tests use.
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** The folder of the project. */
export const ROOT = join(import.meta.dirname, "../..");

/** The folder with the cases of the golden pack. */
export const CASES = join(ROOT, "golden/cases");

/** A case with a tiny model that has every kind of layer, an MTP layer, and 64 token ids. */
export const TINY = join(CASES, "tiny-all");
/** The tiny model; it has no tokenizer. */
export const TINY_MODEL = join(TINY, "model");

/**
 * The model of the package, with a tokenizer. Tests expect no certain text of it, since training
 * may change it.
 */
export const DEMO_MODEL = join(ROOT, "demo-model");

/** Makes a folder that is removed when the tests of the calling file end. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "glm52-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
