import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export const ROOT = join(import.meta.dirname, "../..");

/** The cases of the golden pack. */
export const CASES = join(ROOT, "golden/cases");

/** A tiny checkpoint without a tokenizer: 64 tokens, an MTP layer. */
export const TINY = join(CASES, "tiny-all");
export const TINY_MODEL = join(TINY, "model");

/** The model of the package, with a tokenizer. Its text is not pinned: it may be trained anew. */
export const DEMO_MODEL = join(ROOT, "demo-model");

/** A folder that goes when the tests of the calling file end. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "glm52-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
