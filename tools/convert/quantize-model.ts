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
import { open } from "../node/open.ts";
import { systemCode } from "../node/system-code.ts";
import { unfinishedFolder } from "../node/unfinished-folder.ts";
import { type Divergence, divergence } from "./divergence.ts";
import { type ConversionWish, LAYOUTS } from "./plan.ts";
import { WEIGHT_FORMATS } from "./quantize.ts";
import { type Written, withPlan } from "./quantize-folder.ts";

/** How to quantise a model. */
export interface QuantizeOptions extends Omit<ConversionWish, "shardBytes" | "blockNumbers"> {
  /** Unknown keys of the config that the caller knows to change nothing. */
  readonly ignoreConfigKeys?: readonly string[] | undefined;
  /** A text on which the logits of both models are compared. */
  readonly compareOn?: Prompt | undefined;
  /** How many threads work; changes no bit of what is written. Default: as many as there are cores. */
  readonly threads?: number | undefined;
  /** Is called while the weights are written, with the bytes written so far and in all. */
  readonly onProgress?: OnProgress | undefined;
  /** Is called while bytes that an earlier process wrote are looked at, with those looked at and all. */
  readonly onChecked?: OnProgress | undefined;
  /** Is called while the models are compared, with the tokens compared so far and in all. */
  readonly onCompared?: ((done: number, total: number) => void) | undefined;
  /**
   * When it aborts, the work ends, nothing is left unless `keepsUnfinished` says so, and the promise rejects with its
   * reason.
   */
  readonly signal?: AbortSignal | undefined;
  /** Whether what is written stays when the signal aborts, or after an error that the same call may not meet again. */
  readonly keepsUnfinished?: boolean | undefined;
}

/** What was written. */
export interface QuantizeReport extends Written {
  /** How far the logits of the new model are from those of the old one, if they were compared. */
  readonly divergence?: Divergence;
}

/**
 * Writes the folder `out`. It is written under another name and moved to its place at the end, so that
 * `out` never holds an incomplete model. When the process is killed meanwhile, the same call goes on with what is
 * written; all of it is read and compared first.
 *
 * @throws {UserError} when `out` exists and is not empty; and the errors of reading the model
 */
export async function quantize(
  folder: string,
  out: string,
  options: QuantizeOptions,
): Promise<QuantizeReport> {
  const { to, compareOn, signal, ignoreConfigKeys, threads, keepsUnfinished = false } = options;
  const { onProgress = () => {}, onChecked = () => {}, onCompared = () => {} } = options;
  if (!WEIGHT_FORMATS.includes(to)) {
    throw new ArgumentError("to", `expected ${WEIGHT_FORMATS.join(" or ")}, got ${to}`);
  }
  if (options.for !== undefined && !LAYOUTS.includes(options.for)) {
    throw new ArgumentError("for", `expected ${LAYOUTS.join(" or ")}, got ${options.for}`);
  }
  const ending =
    (told: OnProgress): OnProgress =>
    (done, total) => {
      signal?.throwIfAborted();
      told(done, total);
    };
  const how = { ...options, onProgress: ending(onProgress), onChecked: ending(onChecked) };
  let isWritten = false;
  /** Whether the same call could come further. A number that does not fit will not fit then, either. */
  const keeps = (error: unknown): boolean =>
    keepsUnfinished && (isWritten || signal?.aborted === true || systemCode(error) !== undefined);
  return withPlan(folder, to, how, ({ fill }) =>
    unfinishedFolder(out, { signal, keeps }, async (unfinished, journal) => {
      const written = await fill(unfinished, journal);
      isWritten = true;
      if (compareOn === undefined) return written;
      const opening = { signal, ignoreConfigKeys, threads };
      const both = [folder, unfinished] as const;
      return { ...written, divergence: await compare(both, compareOn, opening, onCompared) };
    }),
  );
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
