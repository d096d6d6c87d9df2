/**
 * `glm52 golden` and its commands.
 *
 * Next: commands/golden-check.ts, commands/golden-diagnose.ts, commands/golden-witness.ts,
 * commands/golden-build.ts
 * @module
 */
import type { Command } from "commander";
import { addGoldenBuild } from "./commands/golden-build.ts";
import { addGoldenCheck } from "./commands/golden-check.ts";
import { addGoldenDiagnose } from "./commands/golden-diagnose.ts";
import { addGoldenMutations } from "./commands/golden-mutations.ts";
import { addGoldenSearchPrompt } from "./commands/golden-search-prompt.ts";
import { addGoldenSweep } from "./commands/golden-sweep.ts";
import { addGoldenTable } from "./commands/golden-table.ts";
import { addGoldenWitness } from "./commands/golden-witness.ts";
import type { Terminal } from "./terminal.ts";

const HELP = `
For whoever ports the model: check, diagnose, witness. For whoever makes the pack: build, mutations,
search-prompt. For whoever doubts it: sweep, table.
`;

/** Adds `glm52 golden`. */
export function addGolden(
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const golden = program
    .command("golden")
    .summary("compare another engine's stages with the model's")
    .description("Finds the first stage where an engine leaves the model.")
    .addHelpText("after", HELP);
  addGoldenCheck(golden, terminal, exit);
  addGoldenDiagnose(golden, terminal, exit);
  addGoldenWitness(golden, terminal, exit);
  addGoldenBuild(golden, terminal);
  addGoldenMutations(golden, terminal, exit);
  addGoldenSearchPrompt(golden, terminal);
  addGoldenSweep(golden, terminal, exit);
  addGoldenTable(golden, terminal, exit);
}
