import { readdir, stat } from "node:fs/promises";
import type { Command } from "commander";
import { INDEX_FILE, openCheckpoint, SINGLE_FILE } from "../../../engine/weights/checkpoint.ts";
import { type Inspection, inspectCheckpoint } from "../../inspect/inspect.ts";
import { renderInspection } from "../../inspect/inspect-text.ts";
import { fileCheckpoint } from "../../node/file-source.ts";
import { openConfig, readConfig } from "../../node/open-config.ts";
import { UserError } from "../../node/user-error.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
Of weights only the headers are read. A folder without weights, or a config.json alone, is counted
as its config says.

Examples:
  glm52 inspect ~/models/GLM-5.2
  glm52 inspect ~/models/GLM-5.2/config.json --json
`;

/** Adds `glm52 inspect`. */
export function addInspect(program: Command, { stdout }: Terminal): void {
  program
    .command("inspect")
    .summary("count parameters, layers and memory of a model")
    .description("Says what a model is: parameters, schedule, sizes, memory per token.")
    .argument("<model>", "folder of a model, or a config.json")
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action(async (path: string, options: { readonly json?: boolean }) => {
      const result = await inspect(path);
      stdout.write(options.json ? `${JSON.stringify(result)}\n` : renderInspection(result));
    });
}

/** Inspects a folder or a config.json. */
export async function inspect(path: string): Promise<Inspection> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UserError(path, "expected a folder or a config.json, found nothing");
  if (!found.isDirectory()) return inspectCheckpoint((await readConfig(path)).config);
  const { config } = await openConfig(path);
  const names = await readdir(path);
  if (!names.includes(SINGLE_FILE) && !names.includes(INDEX_FILE)) return inspectCheckpoint(config);
  const files = fileCheckpoint(path);
  try {
    return inspectCheckpoint(config, await openCheckpoint(files));
  } finally {
    await files.close();
  }
}
