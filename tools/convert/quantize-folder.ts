/**
 * Writes the files of a quantised model into a folder.
 *
 * Next: divergence.ts
 * @module
 */
import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Aside } from "../../engine/index.ts";
import type { OnProgress } from "../../engine/weights/load.ts";
import { fileCheckpoint } from "../node/file-source.ts";
import { openConfig } from "../node/open-config.ts";
import { allCores } from "../node/threads.ts";
import { writeText } from "../node/write-whole.ts";
import { BlockReader } from "./blocks.ts";
import { type ConversionPlan, type ConversionWish, planConversion } from "./plan.ts";
import type { WeightFormat } from "./quantize.ts";
import type { TensorError } from "./round-tensor.ts";
import { startRounding } from "./round-threads.ts";
import { fillFiles } from "./write-blocks.ts";

/** What was written. */
export interface Written {
  /** The number format of the matrices. */
  readonly format: WeightFormat;
  /** The size of the files of weights. */
  readonly bytes: number;
  /** The size of the tensors that they were made from. */
  readonly bytesBefore: number;
  /** Of the new bytes, those that an earlier process had written before it was killed. */
  readonly bytesKept: number;
  /** The rounding errors of each tensor that was written in the new format. */
  readonly tensors: readonly TensorError[];
  /** What the files hold that cannot change a result; tensors of this kind were not written. */
  readonly leftAside: readonly Aside[];
}

/** How the weights are written. */
export interface WriteOptions extends Omit<ConversionWish, "to"> {
  /** Unknown keys of the config that the caller knows to change nothing. */
  readonly ignoreConfigKeys?: readonly string[] | undefined;
  /** How many threads round; changes no bit. Default: as many as there are cores. */
  readonly threads?: number | undefined;
  /** Told after each block how many bytes are written, and how many there will be. */
  readonly onProgress?: OnProgress | undefined;
  /** Told how many bytes of an earlier process were looked at, and how many there are. */
  readonly onChecked?: OnProgress | undefined;
}

/** A conversion whose plan is made. */
export interface Planned {
  readonly plan: ConversionPlan;
  /**
   * Fills a folder with the config, the weights and the tokenizer.
   *
   * @param journal a file that remembers what is written, so that another process can go on
   */
  fill(into: string, journal?: string): Promise<Written>;
}

/**
 * Plans the conversion of a folder's model, and lets `use` do it.
 *
 * @throws {UserError} when a word of `keep` is in no name; and the errors of reading the model
 */
export async function withPlan<T>(
  folder: string,
  to: WeightFormat,
  options: WriteOptions,
  use: (planned: Planned) => Promise<T>,
): Promise<T> {
  const { ignoreConfigKeys, threads = allCores() } = options;
  const { onProgress = () => {}, onChecked = () => {} } = options;
  const opened = await openConfig(folder, { ignoreConfigKeys });
  const files = fileCheckpoint(folder);
  try {
    const plan = await planConversion(folder, files, opened, { ...options, to });
    const reader = new BlockReader(files, plan.sources);
    const fill = async (into: string, journal?: string): Promise<Written> => {
      const rounding = startRounding(threads);
      try {
        const how = { journal, onProgress, onChecked };
        const filled = await fillFiles(plan, into, { reader, rounding }, how);
        await addSmallFiles(plan, folder, into);
        return { ...filled, ...sizesOf(plan) };
      } finally {
        await rounding.close();
      }
    };
    return await use({ plan, fill });
  } finally {
    await files.close();
  }
}

/** Fills the folder `into` with a model's config, its quantised weights, and its tokenizer. */
export function writeQuantized(
  folder: string,
  into: string,
  to: WeightFormat,
  options: WriteOptions = {},
): Promise<Written> {
  return withPlan(folder, to, options, ({ fill }) => fill(into));
}

function sizesOf({ to, files, bytesBefore, leftAside }: ConversionPlan) {
  const bytes = files.reduce((sum, { header }) => sum + header.bytes.length + header.dataLength, 0);
  return { format: to, bytes, bytesBefore, leftAside };
}

async function addSmallFiles(plan: ConversionPlan, folder: string, into: string): Promise<void> {
  for (const [name, text] of plan.texts) await writeText(join(into, name), text);
  for (const name of await readdir(folder)) {
    if (COPIED.includes(name)) await copyFile(join(folder, name), join(into, name));
  }
}

/** The files besides config and weights that belong to a model and are copied. */
const COPIED: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "generation_config.json",
  "chat_template.jinja",
  "chat_template.json",
  "LICENSE",
];
