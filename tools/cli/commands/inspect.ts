/**
 * `glm52 inspect`: what a model consists of.
 * @module
 */
import type { Command } from "commander";
import { inspectPath } from "../../inspect/inspect-folder.ts";
import { renderInspection } from "../../inspect/inspect-text.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
Only the headers of the weight files are read, so this is quick for a model of any size. Weights are
not needed: for a config.json alone, the numbers are computed from the config.

Files that model.safetensors.index.json lists may be missing: it says which of the first layers can run
without them, and what to get for more.

Weights may be quantised in a format that cannot run here: only lengths are needed. At the end stands
what the files hold that cannot change a result and is left aside, and what would stop a run.

Examples:
  glm52 inspect ~/models/GLM-5.2
  glm52 inspect ~/models/GLM-5.2/config.json --json
`;

/** Adds `glm52 inspect`. */
export function addInspect(program: Command, { stdout }: Terminal): void {
  program
    .command("inspect")
    .summary("count parameters, layers and memory of a model")
    .description(
      "Prints a model's parameters, its schedule of layers, its sizes and its memory per token.",
    )
    .argument("<model>", "folder of a model, or a config.json")
    .option("--json", "print JSON")
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (path: string, options: { readonly json?: boolean }) => {
      const { inspection } = await inspectPath(path);
      stdout.write(options.json ? `${JSON.stringify(inspection)}\n` : renderInspection(inspection));
    });
}
