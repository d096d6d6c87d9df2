import type { Command } from "commander";
import { check, diagnose, textOf } from "../../golden/index.ts";
import {
  checkOptions,
  DUMP,
  DUMPS,
  exitCodeOf,
  type GoldenOptions,
  withGoldenOptions,
  withStepLines,
} from "../golden-options.ts";
import type { Terminal } from "../terminal.ts";

const HELP = `
The dump is judged as by glm52 golden check. Then the model runs with each known mistake, and with pairs of
them, and those whose stages are those of the dump are named. With --replay they all choose as the
dump does, so that a choice turned by rounding hides no mistake.

Exit codes:
  0  every stage of the dump is right, or explained
  1  the dump or the case cannot be read, or no row of the dump can be judged
  2  the command line is wrong
  3  a stage is off

Examples:
  glm52 golden diagnose dump.safetensors --case golden/cases/tiny-all
  glm52 golden diagnose dump.safetensors --case golden/cases/tiny-all --class bf16 --replay
`;

/** Adds `glm52 golden diagnose`. */
export function addGoldenDiagnose(
  golden: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  withGoldenOptions(golden.command("diagnose").argument("<dump>", DUMP))
    .summary("name the mistake behind a dump that is off")
    .description("Runs the model with each known mistake and names the one closest to a dump.")
    .addHelpText("after", DUMPS + HELP)
    .action(async (file: string, options: GoldenOptions) => {
      exit(await diagnoseDump(file, options, terminal));
    });
}

/** Returns the exit code. */
async function diagnoseDump(
  file: string,
  options: GoldenOptions,
  terminal: Terminal,
): Promise<number> {
  const wanted = await checkOptions(options);
  const [verdict, diagnosis] = await withStepLines(terminal, async (onProgress) => {
    const found = await check(file, { ...wanted, onProgress });
    return [found, await diagnose(found, { onProgress })];
  });
  const { caseName, engineClass } = verdict;
  const json = { case: caseName, class: engineClass, ...diagnosis };
  terminal.stdout.write(options.json ? `${JSON.stringify(json)}\n` : textOf(diagnosis));
  return exitCodeOf(verdict);
}
