/**
 * Opens the folder of a model.
 * @module
 */
import { basename, resolve } from "node:path";
import type { Glm } from "../library/glm.ts";
import { openFiles } from "../library/open.ts";
import { type LoadedModel, loadModel, type OpenOptions } from "../library/open-files.ts";
import { withFiles } from "./file-source.ts";
import { nodeHost } from "./node-host.ts";
import { mustHaveConfig } from "./not-a-model.ts";
import { type OpenConfig, openConfig } from "./open-config.ts";
import { demoModel } from "./our-package.ts";

/**
 * Opens a model: a folder as HF transformers writes it. Without one, the demo model that ships with
 * the package.
 *
 * @throws {UserError} when there is no such folder, {ConfigError}, {WeightsError} and
 *   {TokenizerError} for its content
 */
export async function open(folder?: string, options: OpenOptions = {}): Promise<Glm> {
  const path = folder ?? (await demoModel());
  await mustHaveConfig(path);
  const from = { name: basename(resolve(path)), folder: path };
  return withFiles(path, (files) => openFiles(files, from, options, nodeHost));
}

/** Opens the weights of a model alone, for what needs no texts. Errors as {@link open}. */
export async function openModel(
  folder: string,
  options: OpenOptions = {},
): Promise<LoadedModel & OpenConfig> {
  const config = await openConfig(folder, options);
  const loaded = await withFiles(folder, (files) => loadModel(files, options, nodeHost));
  return { ...config, ...loaded };
}
