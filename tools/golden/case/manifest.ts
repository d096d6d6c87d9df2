/**
 * manifest.json: what a pack holds, and where each number comes from. docs/golden-pack.md tells
 * what its keys mean.
 * @module
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import type { EngineClass } from "./engine-class.ts";

/** Changes when a reader of the old pack could not read the new one. */
export const PACK_FORMAT = "glm52-golden 1";

/** The version of the numbers. Its first part changes when an engine that passed may fail. */
export const PACK_VERSION = "1.1.0";

/** One case in the list. */
export interface CaseEntry {
  readonly purpose: string;
  readonly tokens: number;
  /** Classes of engines that choose exactly what the case says. */
  readonly certified: readonly EngineClass[];
  /** True where the case has a GGUF, else the reason why llama.cpp cannot hold the model. */
  readonly gguf: true | string;
  /** Seed of the weights, and how the prompt was chosen. */
  readonly seed: number;
  readonly prompt: string;
  /** Versions of what made the expected numbers. */
  readonly oracle: Readonly<Record<string, string>>;
}

/** The whole list. */
export interface Manifest {
  readonly format: typeof PACK_FORMAT;
  readonly version: string;
  readonly license: "MIT";
  readonly generator: string;
  readonly cases: Readonly<Record<string, CaseEntry>>;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** What Python and pip leave in the folder of the package. It is no part of the pack. */
const LEFT_BY_PYTHON = /(^|\/)(__pycache__|[^/]+\.egg-info|python\/build)\//;

/** Every file of a pack but the manifest, with its size and its SHA-256, by path. */
export async function listFiles(folder: string): Promise<Manifest["files"]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .map((path) => path.split(sep).join("/"))
    .filter((path) => path !== "manifest.json" && !LEFT_BY_PYTHON.test(path))
    .sort((a, b) => (a < b ? -1 : 1));
  const files: [string, Manifest["files"][string]][] = [];
  for (const path of paths) {
    const bytes = await readFile(join(folder, path));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    files.push([path, { bytes: bytes.length, sha256 }]);
  }
  return Object.fromEntries(files);
}
