/**
 * Writes a model as one file for another engine.
 *
 * To add a format, make a folder beside gguf/, add its name to {@link EXPORT_FORMATS}, and call it
 * in {@link exportModel}.
 * @module
 */
import { extname } from "node:path";
import { ArgumentError } from "../../engine/index.ts";
import { checkWritable } from "../node/output.ts";
import type { GgmlType } from "./gguf/encode.ts";
import { type GgufOptions, writeGguf } from "./gguf/write-gguf.ts";

/** The file formats that can be written. */
export const EXPORT_FORMATS = ["gguf"] as const;

/** The name of a file format. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** How a model is written. */
export interface ExportOptions extends Omit<GgufOptions, "tokenizer"> {
  /** The file format. By default, the ending of the file's name says it. */
  readonly to?: ExportFormat | undefined;
  /** The number format of matrices; f16 by default. */
  readonly type?: GgmlType | undefined;
  /** When it aborts, the work ends, no file is left, and the promise rejects with its reason. */
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
 * Writes the model of a folder to the file `out`. The file is written as a whole or not at all.
 *
 * @throws {ArgumentError} for an unknown format
 * @throws {UserError} when the format cannot represent the model
 */
export async function exportModel(
  folder: string,
  out: string,
  options: ExportOptions = {},
): Promise<Exported> {
  const { to, type = "f16", onProgress, signal, ...rest } = options;
  const format = to ?? formatOf(out);
  await checkWritable(out, [folder]);
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
