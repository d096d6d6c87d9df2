import { type Command, Option } from "commander";
import { searchPrompt } from "../../golden/build/search-prompt.ts";
import { CLASSES, type EngineClass } from "../../golden/index.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
Prints tokens for tools/golden/oracle/prompts.json. The case in the folder, made with any prompt, says
how long the new one is.

Examples:
  glm52 golden search-prompt .cache/oracle/clear-bf16 --class bf16
`;

/** Adds `glm52 golden search-prompt`. */
export function addGoldenSearchPrompt(golden: Command, { stdout, stderr }: Terminal): void {
  golden
    .command("search-prompt")
    .argument("<folder>", "folder of a golden case")
    .summary("search a prompt whose choices rounding cannot turn")
    .description("Searches a prompt of which engines of a class can turn no choice by rounding.")
    .addOption(
      new Option("--class <class>", "what the engines compute in")
        .choices(CLASSES)
        .makeOptionMandatory(),
    )
    .addHelpText("after", HELP + EXIT_CODES)
    .action(async (folder: string, options: { readonly class: EngineClass }) => {
      const found = await searchPrompt(folder, options.class, (done, total, width) =>
        stderr.write(`${done} of ${total}: ${width.toPrecision(3)}\n`),
      );
      stderr.write(`narrowest choice: ${found.narrowest.toPrecision(3)} times what is needed\n`);
      stdout.write(`${JSON.stringify(found.tokens)}\n`);
    });
}
