/**
 * Inspects a model on disk: reads its config, and the headers of its weights if there are any.
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import { INDEX_FILE, openCheckpoint, SINGLE_FILE } from "../../engine/weights/checkpoint.ts";
import { chatTemplateOf } from "../library/chat-template.ts";
import { withFiles } from "../node/open.ts";
import { openConfig, readConfig } from "../node/open-config.ts";
import { UserError } from "../node/user-error.ts";
import { type Inspection, inspectCheckpoint } from "./inspect.ts";

/**
 * Inspects the folder of a model, or a config.json.
 *
 * @throws {UserError} when there is nothing at `path`; and the errors of reading config and headers
 */
export async function inspect(path: string): Promise<Inspection> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UserError(path, "expected a folder or a config.json, found nothing");
  if (!found.isDirectory()) return inspectCheckpoint((await readConfig(path)).config);
  const { config } = await openConfig(path);
  const names = await readdir(path);
  const hasWeights = names.includes(SINGLE_FILE) || names.includes(INDEX_FILE);
  return withFiles(path, async (files) => {
    const checkpoint = hasWeights ? await openCheckpoint(files) : undefined;
    const { about } = await chatTemplateOf(files);
    return { ...inspectCheckpoint(config, checkpoint), chatTemplate: about };
  });
}
