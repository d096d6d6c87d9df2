/**
 * A ghost of a released checkpoint: all of its files with their true headers and sizes, and nothing but
 * holes behind them. It takes as much of a disk as the headers, and everything that reads headers can
 * be tried on it. All of its numbers are zero.
 *
 * @module
 */
import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseConfig } from "../../engine/config/config.ts";
import type { ModelConfig } from "../../engine/config/model-config.ts";
import { INDEX_FILE } from "../../engine/weights/checkpoint.ts";
import type { Release } from "../../engine/weights/official-tensors.ts";
import { newModelFolder } from "../node/new-model-folder.ts";
import { readConfig } from "../node/open-config.ts";
import { UserError } from "../node/user-error.ts";
import { FP8_QUANTIZATION, GLM52, type Json } from "./official-config.ts";
import { officialIndex, officialShards, shardsOf } from "./official-shards.ts";

/** How to make a ghost. */
export interface GhostOptions {
  /** The number format of its matrices. Default: fp8. */
  readonly release?: Release | undefined;
  /** Makes only the files that the first layers need, and the last norm and the head. Default: all. */
  readonly layers?: number | undefined;
  /** A config.json. Default: that of GLM-5.2. */
  readonly config?: string | undefined;
  /** Most bytes of tensors in one file. Default: those of the released repositories. */
  readonly limit?: number | undefined;
  /** When it aborts, the work ends, nothing is left, and the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What was made. */
export interface Ghost {
  /** How many files of weights there are, and how many the index lists. */
  readonly files: number;
  readonly filesListed: number;
  /** The size of these files together. */
  readonly bytes: number;
  /** What these files take of the disk. */
  readonly bytesOnDisk: number;
}

/**
 * Makes the folder `out`, which appears only when it is complete.
 *
 * @throws {UserError} when `out` is not vacant, or where holes in files would be written as zeros;
 *   {ConfigError} for the content of the config
 */
export async function writeGhost(out: string, options: GhostOptions = {}): Promise<Ghost> {
  const { release = "fp8", layers, limit, signal } = options;
  const { json, config } = await configOf(options.config);
  if (layers !== undefined && layers > config.numHiddenLayers) {
    throw new UserError("layers", `expected at most ${config.numHiddenLayers}, got ${layers}`);
  }
  const shards = officialShards(config, release, limit);
  const made = layers === undefined ? shards : shardsOf(config, shards, { layers });
  return newModelFolder(out, signal, async (folder) => {
    await mustKeepHoles(folder, out);
    let [bytes, bytesOnDisk] = [0, 0];
    for (const { file, header, size } of made) {
      signal?.throwIfAborted();
      bytesOnDisk += await writeHollow(join(folder, file), header.bytes, size);
      bytes += size;
    }
    const { quantization_config: _, ...rest } = json;
    const all = release === "fp8" ? { ...rest, quantization_config: FP8_QUANTIZATION } : rest;
    await writeFile(join(folder, INDEX_FILE), officialIndex(shards));
    await writeFile(join(folder, "config.json"), `${JSON.stringify(all, null, 2)}\n`);
    return { files: made.length, filesListed: shards.length, bytes, bytesOnDisk };
  });
}

/** A config.json, and what it says. */
async function configOf(
  path: string | undefined,
): Promise<{ readonly json: Json; readonly config: ModelConfig }> {
  if (path === undefined) return { json: GLM52, config: parseConfig(GLM52) };
  const { config } = await readConfig(path, { use: "lengths" });
  return { json: JSON.parse(await readFile(path, "utf8")), config };
}

/** @throws {UserError} when the disk would fill holes in files with zeros */
async function mustKeepHoles(folder: string, out: string): Promise<void> {
  const probe = join(folder, "probe");
  const taken = await writeHollow(probe, new Uint8Array(1), PROBE);
  await rm(probe);
  if (taken < PROBE / 2) return;
  throw new UserError(out, "expected a disk that keeps holes in files, this one fills them");
}

/** The length of a file that shows whether holes take space. */
const PROBE = 2 ** 26;

/** Writes a file that ends in a hole, and returns how many bytes of the disk it takes. */
async function writeHollow(path: string, start: Uint8Array, size: number): Promise<number> {
  const file = await open(path, "wx");
  try {
    await file.write(start);
    await file.truncate(size);
    await file.sync();
    return ((await file.stat()).blocks ?? Number.POSITIVE_INFINITY) * BLOCK; // Windows does not say
  } finally {
    await file.close();
  }
}

/** The unit in which a system counts what a file takes of the disk. */
const BLOCK = 512;
