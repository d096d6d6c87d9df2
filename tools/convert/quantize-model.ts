/**
 * Writes a copy of a model, in a new folder, with its matrices in another number format.
 *
 * Next: quantize-folder.ts
 * @module
 */
import { mkdir, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ArgumentError } from "../../engine/index.ts";
import type { OnProgress } from "../../engine/weights/load.ts";
import type { OpenOptions } from "../library/open-files.ts";
import type { Prompt } from "../library/speaker.ts";
import { open } from "../node/open.ts";
import { checkWritable, findOutput } from "../node/output.ts";
import { sweep, temporaryName } from "../node/temporaries.ts";
import { UserError } from "../node/user-error.ts";
import { type Divergence, divergence } from "./divergence.ts";
import { WEIGHT_FORMATS, type WeightFormat } from "./quantize.ts";
import { type Written, writeQuantized } from "./quantize-folder.ts";

/** How to quantise a model. */
export interface QuantizeOptions {
  /** The new number format of the matrices. */
  readonly to: WeightFormat;
  /** Tensors whose name contains one of these words are not changed. */
  readonly keep?: readonly string[] | undefined;
  /** Unknown keys of the config that the caller knows to change nothing. */
  readonly ignoreConfigKeys?: readonly string[] | undefined;
  /** A text on which the logits of both models are compared. */
  readonly compareOn?: Prompt | undefined;
  /** How many threads work; changes no bit of what is written. Default: as many as there are cores. */
  readonly threads?: number | undefined;
  /** Is called while the weights are written, with the bytes written so far and in all. */
  readonly onProgress?: OnProgress | undefined;
  /** Is called while the models are compared, with the tokens compared so far and in all. */
  readonly onCompared?: ((done: number, total: number) => void) | undefined;
  /** When it aborts, the work ends, nothing is left, and the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What was written. */
export interface QuantizeReport extends Written {
  /** How far the logits of the new model are from those of the old one, if they were compared. */
  readonly divergence?: Divergence;
}

/**
 * Writes the folder `out`. It is written under another name and moved to its place at the end, so that
 * `out` never holds an incomplete model.
 *
 * @throws {UserError} when `out` exists and is not empty; and the errors of reading the model
 */
export async function quantize(
  folder: string,
  out: string,
  options: QuantizeOptions,
): Promise<QuantizeReport> {
  const { to, keep, compareOn, signal, ignoreConfigKeys, threads } = options;
  const { onProgress = () => {}, onCompared = () => {} } = options;
  if (!WEIGHT_FORMATS.includes(to)) {
    throw new ArgumentError("to", `expected ${WEIGHT_FORMATS.join(" or ")}, got ${to}`);
  }
  const target = await vacantFolder(out);
  const place = target.exists ? target.path : dirname(target.path);
  sweep(place);
  const temporary = join(place, temporaryName("model", "tmp"));
  try {
    await mkdir(temporary);
    const progress: OnProgress = (done, total) => {
      signal?.throwIfAborted();
      onProgress(done, total);
    };
    const how = { keep, ignoreConfigKeys, threads, onProgress: progress };
    const written = await writeQuantized(folder, temporary, to, how);
    const opening = { signal, ignoreConfigKeys, threads };
    const report =
      compareOn === undefined
        ? written
        : {
            ...written,
            divergence: await compare([folder, temporary], compareOn, opening, onCompared),
          };
    signal?.throwIfAborted();
    await moveInto(temporary, target);
    return report;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The place of a folder that is to be filled. */
interface Target {
  /** Its path, without symbolic links in its last part. */
  readonly path: string;
  /** Whether it is there already, and empty. */
  readonly exists: boolean;
}

/** @throws {UserError} when `out` is a file, a folder with something in it, or cannot be made */
async function vacantFolder(out: string): Promise<Target> {
  if (await isFolder(out)) sweep(out);
  const inside = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new UserError(out, "expected the name of a new folder, this is a file");
  });
  if (inside && inside.length > 0) {
    throw new UserError(out, `expected a new or empty folder, got one with ${inside[0]} in it`);
  }
  const target = inside
    ? { path: await realpath(out), exists: true }
    : { path: (await findOutput(out)).path, exists: false };
  await checkWritable(target.exists ? join(target.path, CONFIG) : target.path);
  return target;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/**
 * Moves the complete folder to its place. A folder that is there stays itself, with its permissions, and
 * even when another disk is mounted at it; its config.json, without which it is no model, comes last.
 */
async function moveInto(complete: string, target: Target): Promise<void> {
  if (!target.exists) return rename(complete, target.path);
  const names = await readdir(complete);
  const order = [...names.filter((name) => name !== CONFIG), CONFIG];
  for (const name of order) await rename(join(complete, name), join(target.path, name));
}

const CONFIG = "config.json";

async function compare(
  [original, quantized]: readonly [string, string],
  prompt: Prompt,
  options: OpenOptions,
  onCompared: (done: number, total: number) => void,
): Promise<Divergence> {
  await using p = await open(original, options);
  await using q = await open(quantized, options);
  const { signal } = options;
  return await divergence(p.model, q.model, p.promptIds(prompt), { signal, onCompared });
}
