/**
 * The commands of `glm52 golden`.
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

Examples:
  glm52 golden check dump.safetensors --case tiny-all
  glm52 golden diagnose dump.safetensors --case tiny-all
  glm52 golden check --self
`;

/** Adds the commands of `glm52 golden`. */
export function addGoldenCommands(
  golden: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  golden.addHelpText("after", HELP);
  addGoldenCheck(golden, terminal, exit);
  addGoldenDiagnose(golden, terminal, exit);
  addGoldenWitness(golden, terminal, exit);
  addGoldenBuild(golden, terminal);
  addGoldenMutations(golden, terminal, exit);
  addGoldenSearchPrompt(golden, terminal);
  addGoldenSweep(golden, terminal, exit);
  addGoldenTable(golden, terminal, exit);
}
