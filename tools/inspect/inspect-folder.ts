/**
 * Inspects a model on disk: reads its config, and the headers of its weights if there are any.
 *
 * Only lengths are needed, so weights may be quantised in any way, and keys that would stop a run
 * are listed.
 *
 * Next: inspect.ts
 * @module
 */
import { stat } from "node:fs/promises";
import type { Aside, Checkpoint, CheckpointFiles, ModelConfig } from "../../engine/index.ts";
import { MTP_FILE, openCheckpoint } from "../../engine/weights/checkpoint.ts";
import { officialSizes } from "../../engine/weights/official-tensors.ts";
import { isNeeded } from "../../engine/weights/part.ts";
import { TokenizerError } from "../../tokenizer/index.ts";
import { parseTokenizerJson } from "../../tokenizer/tokenizer-json.ts";
import { chatTemplateOf } from "../library/chat-template.ts";
import { readText } from "../library/tokenizer-files.ts";
import { withFiles } from "../node/file-source.ts";
import { mustHaveConfig } from "../node/not-a-model.ts";
import { type OpenConfig, openConfig, readConfig } from "../node/open-config.ts";
import { type Inspection, inspectCheckpoint } from "./inspect.ts";

/** An inspection, and the config that it is of. */
export interface Inspected extends OpenConfig {
  readonly inspection: Inspection;
}

/**
 * Inspects the folder of a model, or a config.json.
 *
 * @throws {UserError} when there is nothing at `path`; and the errors of reading config and headers
 */
export async function inspectPath(path: string): Promise<Inspected> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory() && !(found && path.endsWith(".json")))
    await mustHaveConfig(path, "a folder or a config.json");
  if (!found?.isDirectory()) {
    const opened = await readConfig(path, { use: "lengths" });
    return { ...opened, inspection: inspectCheckpoint(opened) };
  }
  const opened = await openConfig(path, { use: "lengths" });
  return withFiles(path, async (files) => {
    const { asides, stops } = await inspectTokenizer(files);
    const all = {
      ...opened,
      asides: [...opened.asides, ...asides],
      stops: [...opened.stops, ...stops],
    };
    const { about: chatTemplate } = await chatTemplateOf(files);
    const names = await files.list();
    if (!names.some((name) => /\.safetensors(\.index\.json)?$/.test(name))) {
      return { ...opened, inspection: { ...inspectCheckpoint(all), chatTemplate } };
    }
    const checkpoint = await openWhatIsThere(files, opened.config);
    return { ...opened, inspection: { ...inspectCheckpoint(all, checkpoint), chatTemplate } };
  });
}

/**
 * Opens a checkpoint of which any file may be missing, but none of the main model damaged.
 *
 * @throws {WeightsError} about the first file that is
 */
async function openWhatIsThere(files: CheckpointFiles, config: ModelConfig): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(files, {
    canLack: () => true,
    sizesOf: (map) => officialSizes(config, map),
  });
  const absent = new Set(checkpoint.absent?.flatMap(({ tensors }) => tensors));
  for (const [name, error] of checkpoint.lost ?? []) {
    if (name !== MTP_FILE && !absent.has(name) && isNeeded(config, {}, name)) throw error;
  }
  return checkpoint;
}

async function inspectTokenizer(
  files: CheckpointFiles,
): Promise<{ readonly asides: readonly Aside[]; readonly stops: readonly Aside[] }> {
  try {
    const text = await readText(files, "tokenizer.json");
    return { asides: text === undefined ? [] : parseTokenizerJson(text).asides, stops: [] };
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    return { asides: [], stops: [{ what: error.where, why: error.what }] };
  }
}
