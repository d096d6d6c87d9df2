/**
 * From a folder to a model that can run.
 * @module
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  loadWeights,
  type Model,
  type ModelConfig,
  type Ops,
  openCheckpoint,
  type Precision,
  parseConfig,
  referenceOps,
} from "../engine/index.ts";
import { parseJson } from "../engine/weights/json.ts";
import type { OnProgress } from "../engine/weights/load.ts";
import { CliError } from "./cli-error.ts";
import { fileCheckpoint } from "./file-source.ts";

/** Names that `--backend` takes. */
export const BACKENDS = ["reference"] as const;

/** The arithmetic to run with. */
export type Backend = (typeof BACKENDS)[number];

/** How to open a model. */
export interface OpenOptions {
  readonly backend?: Backend;
  /** Default f32. */
  readonly precision?: Precision;
  /** See {@link ModelConfig.latentNormEps}. */
  readonly latentEps?: number | undefined;
  /** Bytes read and bytes in all. */
  readonly onProgress?: OnProgress;
}

/** A config and where it comes from. */
export interface OpenConfig {
  readonly config: ModelConfig;
  /** Name of the model's folder. */
  readonly name: string;
  /** SHA-256 of the bytes of config.json, in hex. */
  readonly sha256: string;
}

/** A model in memory. Nothing of the folder stays open. */
export interface OpenModel extends OpenConfig {
  readonly model: Model;
}

/**
 * Reads a model folder.
 *
 * @throws {CliError} when there is no such folder, {ConfigError} and {WeightsError} for its content
 */
export async function openModel(folder: string, options: OpenOptions = {}): Promise<OpenModel> {
  const opened = await openConfig(folder, options.latentEps);
  const ops = newOps(options.backend ?? "reference", options.precision ?? "f32");
  const files = fileCheckpoint(folder);
  try {
    const checkpoint = await openCheckpoint(files);
    const weights = await loadWeights(ops, opened.config, checkpoint, options.onProgress);
    return { ...opened, model: { config: opened.config, weights, ops } };
  } finally {
    await files.close();
  }
}

/** Reads and checks the config.json of a model folder. */
export async function openConfig(folder: string, latentEps?: number): Promise<OpenConfig> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new CliError(`${folder}: expected the folder of a model`);
  const file = join(folder, "config.json");
  if (!(await stat(file).catch(() => undefined))) {
    throw new CliError(`${folder}: expected a config.json in it, found none`);
  }
  return readConfig(file, latentEps);
}

/** Reads and checks one config.json. */
export async function readConfig(file: string, latentEps?: number): Promise<OpenConfig> {
  const bytes = await readFile(file);
  const json = parseJson(basename(file), bytes, "any");
  const config = parseConfig(json, latentEps === undefined ? {} : { latentNormEps: latentEps });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { config, name: basename(resolve(file, "..")), sha256 };
}

function newOps(backend: Backend, precision: Precision): Ops {
  switch (backend) {
    case "reference":
      return referenceOps(precision);
    default:
      return backend satisfies never;
  }
}
