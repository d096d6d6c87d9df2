/**
 * Writes a copy of a model, in a new folder, with its matrices in another number format.
 *
 * Next: quantize-folder.ts
 * @module
 */
import { ArgumentError } from "../../engine/index.ts";
import type { OnProgress } from "../../engine/weights/load.ts";
import type { OpenOptions } from "../library/open-files.ts";
import type { Prompt } from "../library/speaker.ts";
import { newModelFolder } from "../node/new-model-folder.ts";
import { open } from "../node/open.ts";
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
  return newModelFolder(out, signal, async (temporary) => {
    const progress: OnProgress = (done, total) => {
      signal?.throwIfAborted();
      onProgress(done, total);
    };
    const how = { keep, ignoreConfigKeys, threads, onProgress: progress };
    const written = await writeQuantized(folder, temporary, to, how);
    const opening = { signal, ignoreConfigKeys, threads };
    if (compareOn === undefined) return written;
    return {
      ...written,
      divergence: await compare([folder, temporary], compareOn, opening, onCompared),
    };
  });
}

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
