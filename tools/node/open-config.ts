/**
 * A config.json on disk.
 *
 * Next: open.ts
 * @module
 */
import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import { type CheckpointFiles, readExactly } from "../../engine/index.ts";
import {
  type ModelConfigOptions,
  type ModelConfigReading,
  readModelConfig,
} from "../library/model-config.ts";
import { fileCheckpoint, withFiles } from "./file-source.ts";
import { mustHaveConfig } from "./not-a-model.ts";

/** A config and where it comes from. */
export interface OpenConfig extends ModelConfigReading {
  /** Name of the model's folder. */
  readonly name: string;
  /** SHA-256 of the bytes of config.json, in hex. */
  readonly sha256: string;
}

/**
 * Reads and checks the config.json of a model folder, and the generation_config.json beside it.
 *
 * @throws {UserError} when there is no such folder or file, {ConfigError} for its content
 */
export async function openConfig(
  folder: string,
  options: ModelConfigOptions = {},
): Promise<OpenConfig> {
  await mustHaveConfig(folder);
  return withFiles(folder, (files) => read(files, basename(resolve(folder)), options));
}

/** Reads and checks one config.json, whatever its name is. */
export async function readConfig(file: string, options: ModelConfigOptions): Promise<OpenConfig> {
  const folder = fileCheckpoint(resolve(file, ".."));
  const alone: CheckpointFiles = {
    list: async () => ["config.json"],
    open: () => folder.open(basename(file)),
  };
  try {
    return await read(alone, basename(resolve(file, "..")), options);
  } finally {
    await folder.close();
  }
}

async function read(
  files: CheckpointFiles,
  name: string,
  options: ModelConfigOptions,
): Promise<OpenConfig> {
  const reading = await readModelConfig(files, options);
  const source = await files.open("config.json");
  const bytes = await readExactly(source, 0, source.size);
  return { ...reading, name, sha256: createHash("sha256").update(bytes).digest("hex") };
}
