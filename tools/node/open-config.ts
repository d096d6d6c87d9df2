/**
 * A config.json on disk.
 *
 * Next: open.ts
 * @module
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { ModelConfig } from "../../engine/index.ts";
import { configOf } from "../library/open-files.ts";
import { UserError } from "./user-error.ts";

/** A config and where it comes from. */
export interface OpenConfig {
  /** The numbers that shape the model. */
  readonly config: ModelConfig;
  /** Name of the model's folder. */
  readonly name: string;
  /** SHA-256 of the bytes of config.json, in hex. */
  readonly sha256: string;
}

/**
 * Reads and checks the config.json of a model folder.
 *
 * @throws {UserError} when there is no such folder or file, {ConfigError} for its content
 */
export async function openConfig(folder: string, latentEps?: number): Promise<OpenConfig> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new UserError(folder, "expected the folder of a model");
  const file = join(folder, "config.json");
  if (!(await stat(file).catch(() => undefined))) {
    throw new UserError(folder, "expected a config.json in it, found none");
  }
  return readConfig(file, latentEps);
}

/** Reads and checks one config.json. */
export async function readConfig(file: string, latentEps?: number): Promise<OpenConfig> {
  const bytes = await readFile(file);
  const config = configOf(basename(file), bytes, latentEps);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { config, name: basename(resolve(file, "..")), sha256 };
}
