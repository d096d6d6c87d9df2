/**
 * A model's folder as a file that other engines read.
 *
 * To add a format: a folder beside gguf/, and a line in {@link EXPORT_FORMATS} and below it.
 * @module
 */
import { extname } from "node:path";
import { ArgumentError } from "../../engine/index.ts";
import { checkWritable } from "../node/write-whole.ts";
import type { GgmlType } from "./gguf/encode.ts";
import { type GgufOptions, writeGguf } from "./gguf/write-gguf.ts";

/** Formats to choose from. */
export const EXPORT_FORMATS = ["gguf"] as const;

/** One of them. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** How a model is written. */
export interface ExportOptions extends Omit<GgufOptions, "tokenizer"> {
  /** The format; that of the file's ending by default. */
  readonly to?: ExportFormat | undefined;
  /** The number format of matrices; f16 by default. */
  readonly type?: GgmlType | undefined;
  /** Ends the work and leaves no file: the promise is then rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What was written. */
export interface Exported {
  /** The format of the file. */
  readonly format: ExportFormat;
  /** The number format of its matrices. */
  readonly type: GgmlType;
  /** How many tensors it holds. */
  readonly nTensors: number;
}

/**
 * Writes the file `out`, whole or not at all.
 *
 * @throws {ArgumentError} for an unknown format, {UserError} where the format cannot hold the model
 */
export async function exportModel(
  folder: string,
  out: string,
  options: ExportOptions = {},
): Promise<Exported> {
  const { to, type = "f16", onProgress, signal, ...rest } = options;
  const format = to ?? formatOf(out);
  await checkWritable(out);
  const nTensors = await writeGguf(folder, out, type, {
    ...rest,
    onProgress: (done, total) => {
      signal?.throwIfAborted();
      onProgress?.(done, total);
    },
  });
  return { format, type, nTensors };
}

function formatOf(out: string): ExportFormat {
  const ending = extname(out).slice(1);
  const format = EXPORT_FORMATS.find((name) => name === ending);
  if (format) return format;
  const endings = EXPORT_FORMATS.map((name) => `.${name}`).join(" or ");
  throw new ArgumentError(out, `expected a file that ends in ${endings}, or a format to write`);
}
