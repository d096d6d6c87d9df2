/**
 * Opens the folder of a model.
 * @module
 */
import { basename, resolve } from "node:path";
import type { CheckpointFiles } from "../../engine/index.ts";
import type { Glm } from "../library/glm.ts";
import { openFiles } from "../library/open.ts";
import { type LoadedModel, loadModel, type OpenOptions } from "../library/open-files.ts";
import type { Streaming } from "../library/streaming.ts";
import { withFiles } from "./file-source.ts";
import { nodeHost } from "./node-host.ts";
import { mustHaveConfig } from "./not-a-model.ts";
import { type OpenConfig, openConfig } from "./open-config.ts";
import { demoModel } from "./our-package.ts";
import { type StreamOptions, streamFiles } from "./stream-files.ts";

/** How a folder is streamed. None of it changes a result. */
export interface FolderStream
  extends Omit<Streaming, "files">,
    Pick<StreamOptions, "readers" | "direct" | "receipt"> {}

/** How to open a folder. */
export interface OpenFolderOptions extends Omit<OpenOptions, "stream"> {
  /** Runs the model from its files, within so much memory, instead of loading it. */
  readonly stream?: FolderStream | undefined;
}

/**
 * Opens a model: a folder as HF transformers writes it. Without one, the demo model that ships with
 * the package.
 *
 * @throws {UserError} when there is no such folder, {ConfigError}, {WeightsError} and
 *   {TokenizerError} for its content
 */
export async function open(folder?: string, options: OpenFolderOptions = {}): Promise<Glm> {
  const path = folder ?? (await demoModel());
  await mustHaveConfig(path);
  const from = { name: basename(resolve(path)), folder: path };
  return opened(path, options, (files, how) => openFiles(files, from, how, nodeHost));
}

/** Opens the weights of a model alone, for what needs no texts. Errors as {@link open}. */
export async function openModel(
  folder: string,
  options: OpenFolderOptions = {},
): Promise<LoadedModel & OpenConfig> {
  const config = await openConfig(folder, options);
  const loaded = await opened(folder, options, (files, how) => loadModel(files, how, nodeHost));
  return { ...config, ...loaded };
}

/** Lets `use` open the files of a folder; if they are streamed, they stay open for its reads. */
async function opened<T>(
  folder: string,
  { stream, ...options }: OpenFolderOptions,
  use: (files: CheckpointFiles, options: OpenOptions) => Promise<T>,
): Promise<T> {
  if (!stream) return withFiles(folder, (files) => use(files, options));
  const source = await streamFiles(folder, stream);
  try {
    return await withFiles(folder, (files) =>
      use(files, { ...options, stream: { ...stream, files: source } }),
    );
  } catch (error) {
    await source.close();
    throw error;
  }
}
