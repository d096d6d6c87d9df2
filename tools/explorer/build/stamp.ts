/**
 * Hashes of everything that the explorer is made from, so that nothing is made again without a reason.
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What the recorded answers depend on. */
const RECORDED = [
  "demo-model",
  "docs/understand",
  "engine",
  "kernels-as/assembly",
  "tokenizer",
  "tools/eval",
  "tools/explorer/build/examples.ts",
  "tools/explorer/build/record.ts",
  "tools/explorer/live",
  "tools/explorer/shapes",
  "tools/golden/mutants",
  "tools/library",
];

/** What the page depends on besides. */
const OTHERS = ["package-lock.json", "tools/docs", "tools/explorer"];

/** Files that change nothing of it. */
const LEFT_OUT = /(^|\/)(train\/|\.)|\.(svg|jsonl|py|md)$/;

/** The hash for what was recorded, and for the whole explorer. */
export interface Stamps {
  readonly recorded: string;
  readonly whole: string;
}

/** @param root the folder of the project */
export async function stampsOf(root: string): Promise<Stamps> {
  const hash = createHash("sha256");
  for (const path of RECORDED) await add(hash, root, path);
  const recorded = hash.copy().digest("hex");
  for (const path of OTHERS) await add(hash, root, path);
  return { recorded, whole: hash.digest("hex") };
}

async function add(hash: Hash, root: string, path: string): Promise<void> {
  const files = await filesIn(root, path);
  for (const file of files) {
    hash.update(`${file}\0`);
    hash.update(await readFile(join(root, file)));
  }
}

/** A file itself, or the files of a folder by name. */
async function filesIn(root: string, path: string): Promise<string[]> {
  if (/\.(json|ts)$/.test(path)) return [path];
  const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((file) => !LEFT_OUT.test(file.slice(path.length + 1)))
    .sort();
}
