import type { Command } from "commander";
import { renderDiagnosis } from "../../golden/diagnose/diagnosis-text.ts";
import { judge } from "../../golden/judge/judge.ts";
import {
  DUMP,
  diagnosisOf,
  type GoldenOptions,
  HELP,
  openBoth,
  withGoldenOptions,
} from "../golden-options.ts";
import type { Terminal } from "../terminal.ts";

const EXAMPLES = `
Examples:
  glm52 golden diagnose dump.safetensors --case golden/cases/tiny-all
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
    .addHelpText("after", HELP + EXAMPLES)
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
  const opened = await openBoth(file, options, terminal);
  const { dump, expected, kind } = opened;
  const judgement = judge(dump, expected, kind);
  const diagnosis = await diagnosisOf({ ...opened, judgement }, terminal);
  const { stdout } = terminal;
  if (options.json) {
    stdout.write(`${JSON.stringify({ case: expected.info.name, class: kind, ...diagnosis })}\n`);
  } else stdout.write(renderDiagnosis(diagnosis));
  return diagnosis.firstOff === undefined ? 0 : 3;
}
