/**
 * What the files beside the weights say: enough to read and write texts for an engine that has the weights.
 *
 * Next: open.ts
 * @module
 */
import { basename, resolve } from "node:path";
import {
  type ChatTemplate,
  chatTemplateOf,
  type TemplateChoice,
} from "../library/chat-template.ts";
import {
  type ModelConfigOptions,
  type ModelConfigReading,
  readModelConfig,
} from "../library/model-config.ts";
import { readTemplate } from "../library/template-file.ts";
import { type OpenTokenizer, readTokenizer } from "../library/tokenizer-files.ts";
import { withFiles } from "./file-source.ts";
import { nodeHost } from "./node-host.ts";
import { mustHaveConfig } from "./not-a-model.ts";

/** How to read a folder without its weights. */
export interface OpenBesideOptions extends ModelConfigOptions {
  readonly chatTemplate?: TemplateChoice | undefined;
}

/** A model without its weights. */
export interface OpenBeside extends ModelConfigReading {
  /** The name of the folder. */
  readonly name: string;
  readonly opened: OpenTokenizer | undefined;
  readonly template: ChatTemplate;
  /** The text of the template, where there is one. */
  readonly templateText: string | undefined;
}

/**
 * Reads a folder.
 *
 * @throws {UserError} when it is no model, {ConfigError} and {TokenizerError} for its content
 */
export async function openBeside(
  folder: string,
  { chatTemplate: choice, ...options }: OpenBesideOptions = {},
): Promise<OpenBeside> {
  await mustHaveConfig(folder);
  return withFiles(folder, async (files) => {
    const reading = await readModelConfig(files, options);
    const opened = await readTokenizer(files, reading.config);
    const { loadTemplateEngine: loadEngine } = nodeHost;
    const tokenizer = opened?.tokenizer;
    return {
      ...reading,
      name: basename(resolve(folder)),
      opened,
      template: await chatTemplateOf(files, { choice, tokenizer, loadEngine }),
      templateText: (await readTemplate(files))?.text,
    };
  });
}
