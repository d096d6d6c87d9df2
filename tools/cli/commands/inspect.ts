import type { Command } from "commander";
import { inspect } from "../../inspect/inspect-folder.ts";
import { renderInspection } from "../../inspect/inspect-text.ts";
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
