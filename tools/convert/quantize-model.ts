/**
 * A model's folder as another folder, with its matrices in another number format.
 *
 * Next: quantize-folder.ts
 * @module
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ArgumentError } from "../../engine/index.ts";
import type { Prompt } from "../library/speaker.ts";
import { open } from "../node/open.ts";
import { UserError } from "../node/user-error.ts";
import { checkWritable } from "../node/write-whole.ts";
import { type Divergence, divergence } from "./divergence.ts";
import { WEIGHT_FORMATS, type WeightFormat } from "./quantize.ts";
import { type Written, writeQuantized } from "./quantize-folder.ts";

/** What to make of a model. */
export interface QuantizeOptions {
  /** The number format of matrices. */
  readonly to: WeightFormat;
  /** Leaves tensors whose names hold one of these words as they are stored. */
  readonly keep?: readonly string[] | undefined;
  /** A text on which the logits of both models are compared. */
  readonly compareOn?: Prompt | undefined;
  /** Bytes written, and bytes in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Ends the work and leaves nothing behind: the promise is then rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What was written, and how far its logits are from the original's if they were compared. */
export interface QuantizeReport extends Written {
  /** How far the logits moved; only when a text to compare on was given. */
  readonly divergence?: Divergence;
}

/**
 * Writes the folder `out`. It is written under another name and renamed at the end, so no half of a
 * model is ever there.
 *
 * @throws {UserError} when `out` holds anything, and what reading the model throws
 */
export async function quantize(
  folder: string,
  out: string,
  options: QuantizeOptions,
): Promise<QuantizeReport> {
  const { to, keep = [], compareOn, onProgress = () => {}, signal } = options;
  if (!WEIGHT_FORMATS.includes(to)) {
    throw new ArgumentError("to", `expected ${WEIGHT_FORMATS.join(" or ")}, got ${to}`);
  }
  const target = resolve(out);
  await checkVacant(out, target);
  const name = `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`;
  const temporary = join(dirname(target), name);
  try {
    await mkdir(temporary);
    const written = await writeQuantized(folder, temporary, to, keep, (done, total) => {
      signal?.throwIfAborted();
      onProgress(done, total);
    });
    const report =
      compareOn === undefined
        ? written
        : { ...written, divergence: await compare(folder, temporary, compareOn, signal) };
    signal?.throwIfAborted();
    await rename(temporary, target);
    return report;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function checkVacant(out: string, target: string): Promise<void> {
  const inside = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new UserError(out, "expected the name of a new folder, this is a file");
  });
  if (inside.length > 0) {
    throw new UserError(out, `expected a new or empty folder, got one with ${inside[0]} in it`);
  }
  await checkWritable(`${target}.tmp`);
}

async function compare(
  original: string,
  quantized: string,
  prompt: Prompt,
  signal: AbortSignal | undefined,
): Promise<Divergence> {
  await using p = await open(original, { signal });
  await using q = await open(quantized, { signal });
  return await divergence(p.model, q.model, p.promptIds(prompt), signal);
}
