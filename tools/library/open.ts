/**
 * Opens a model in a browser, or anywhere from bytes.
 * @module
 */
import { type CheckpointFiles, memoryFiles } from "../../engine/index.ts";
import type { Host } from "./arithmetic.ts";
import { chatTemplateOf } from "./chat-template.ts";
import { Glm, type ModelSource } from "./glm.ts";
import { loadModel, type OpenOptions } from "./open-files.ts";
import { readTokenizer } from "./tokenizer-files.ts";
import { webFiles } from "./web-files.ts";
import { webHost } from "./web-host.ts";

/** A model: the URL of its folder, its files by name, or an object that gives them. */
export type Source = string | URL | Readonly<Record<string, Uint8Array>> | CheckpointFiles;

/** How to open a model away from a disk. */
export interface WebOpenOptions extends OpenOptions {
  /** Where kernels.wasm is, or its bytes, for a bundler that does not find it by itself. */
  readonly kernels?: URL | string | Uint8Array | undefined;
}

/** Where the model that ships lies beside this module, in the sources as in the package. */
const DEMO_MODEL = new URL("../../demo-model/", import.meta.url);

/**
 * Opens a model. Without a source, the demo model that ships with the package.
 *
 * @throws {ConfigError}, {WeightsError} and {TokenizerError} for files that are not a model
 */
export async function open(
  source: Source = DEMO_MODEL,
  options: WebOpenOptions = {},
): Promise<Glm> {
  const { kernels, ...others } = options;
  const isUrl = typeof source === "string" || source instanceof URL;
  const name = isUrl ? nameOf(String(source)) : "model";
  const files = isUrl
    ? await webFiles(source, options.signal)
    : isFiles(source)
      ? source
      : memoryFiles(source);
  return openFiles(files, { name }, others, webHost(kernels));
}

/** Opens the model that some files are, on some host. */
export async function openFiles(
  files: CheckpointFiles,
  from: Pick<ModelSource, "name" | "folder">,
  options: OpenOptions,
  host: Host,
): Promise<Glm> {
  const loaded = await loadModel(files, options, host);
  try {
    const opened = await readTokenizer(files, loaded.model.config);
    const template = await chatTemplateOf(files, {
      choice: options.chatTemplate,
      tokenizer: opened?.tokenizer,
      loadEngine: host.loadTemplateEngine,
    });
    const source = { ...from, backend: loaded.model.ops.backend, latentEps: options.latentEps };
    return new Glm({ ...loaded, opened, template, source });
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

function isFiles(
  source: Readonly<Record<string, Uint8Array>> | CheckpointFiles,
): source is CheckpointFiles {
  return source.open instanceof Function;
}

function nameOf(url: string): string {
  return url.replace(/\/+$/, "").split("/").at(-1) ?? url;
}
